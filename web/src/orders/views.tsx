// Ways to look at the list: the usual ones, those that a person saved, columns,
// and the list as a file.
import { DeleteOutlined, DownloadOutlined, QuestionCircleOutlined, SettingOutlined, StarFilled, StarOutlined } from '@ant-design/icons';
import { App, Button, Checkbox, Dropdown, Flex, Input, Modal, Popover, Segmented } from 'antd';
import { useState } from 'react';
import { download } from '../shell/api';
import { useText } from '../shell/i18n';
import { usePref } from '../shell/prefs';
import { useTell } from '../shell/state';
import { columnNames, usualColumns, type Column } from './columns';
import { asQuery, readFilter, writeFilter, type Filter } from './query';

const presets = {
  all: '', new: 'status=new', ship: 'status=confirmed&status=packed', late: 'late=1', held: 'hold=any', way: 'status=shipped&status=ready_for_pickup',
  done: 'status=delivered', cancelled: 'status=cancelled', back: 'status=partially_returned&status=returned',
} as const;

const bare = (f: Filter) => writeFilter({ status: f.status, account: [], hold: f.hold, late: f.late }).toString();

export function Presets({ filter, onOpen }: { filter: Filter; onOpen: (f: Filter) => void }) {
  const { t } = useText();
  const now = bare(filter);
  return (
    <div style={{ overflowX: 'auto', marginBottom: 8 }} tabIndex={-1}>
      <Segmented
        aria-label={t('orders.presets')} value={(Object.keys(presets) as (keyof typeof presets)[]).find((k) => presets[k] === now) ?? ''}
        onChange={(k) => onOpen({ ...filter, ...pick(readFilter(new URLSearchParams(presets[k as keyof typeof presets]))) })}
        options={(Object.keys(presets) as (keyof typeof presets)[]).map((k) => ({ value: k, label: t(`preset.${k}`) }))}
      />
    </div>
  );
}

const pick = (f: Filter) => ({ status: f.status, hold: f.hold, late: f.late });

interface View {
  name: string;
  query: string;
}

const noViews: View[] = [];

export function Views({ filter, onOpen }: { filter: Filter; onOpen: (f: Filter) => void }) {
  const { t } = useText();
  const [views, setViews] = usePref<View[]>('orders.views', noViews);
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState('');
  const { message } = App.useApp();
  const now = writeFilter(filter).toString();
  const active = now ? views.find((v) => v.query === now)?.name : undefined;
  const remove = (gone: View) => {
    const before = views;
    const undo = () => {
      setViews(before);
      message.destroy('view');
    };
    setViews(views.filter((v) => v !== gone));
    void message.open({ key: 'view', duration: 8, content: <>{t('orders.viewGone', { name: gone.name })} <Button type="link" size="small" onClick={undo}>{t('orders.undo')}</Button></> });
  };
  const save = () => {
    if (!name.trim()) return;
    setViews([...views.filter((v) => v.name !== name.trim()), { name: name.trim(), query: now }]);
    setNaming(false);
    setName('');
  };
  return (
    <>
      <Dropdown trigger={['click']} menu={{
        items: [
          ...views.map((v) => ({
            key: `v:${v.name}`,
            label: (
              <Flex justify="space-between" gap={16}>{v.name}
                <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t('orders.viewRemove', { name: v.name })}
                  onClick={(e) => { e.stopPropagation(); remove(v); }} />
              </Flex>
            ),
            onClick: () => onOpen(readFilter(new URLSearchParams(v.query))),
          })),
          ...(views.length ? [{ type: 'divider' as const }] : []),
          { key: 'save', label: t('orders.viewSave'), onClick: () => setNaming(true) },
        ],
      }}>
        <Button icon={active ? <StarFilled /> : <StarOutlined />}>{active ?? t('orders.views')}</Button>
      </Dropdown>
      <Modal open={naming} title={t('orders.viewSave')} okText={t('form.save')} onOk={save} onCancel={() => setNaming(false)} okButtonProps={{ disabled: !name.trim() }} destroyOnHidden width={380}>
        <Input value={name} onChange={(e) => setName(e.target.value)} placeholder={t('orders.viewName')} aria-label={t('orders.viewName')} maxLength={60} autoFocus onPressEnter={save} />
      </Modal>
    </>
  );
}

export function ColumnChoice({ chosen, onChoose }: { chosen: readonly Column[]; onChoose: (c: readonly Column[]) => void }) {
  const { t } = useText();
  return (
    <Popover trigger="click" placement="bottomRight" content={
      <Flex vertical gap={6}>
        <Checkbox.Group value={[...chosen]} onChange={(v) => onChoose(v.includes('number') ? v : ['number', ...v])} style={{ flexDirection: 'column', gap: 4 }}
          options={columnNames.map((c) => ({ value: c, label: t(`col.${c}`), disabled: c === 'number' }))} />
        <Button size="small" onClick={() => onChoose(usualColumns)}>{t('orders.columnsUsual')}</Button>
      </Flex>
    }>
      <Button icon={<SettingOutlined />}>{t('orders.columns')}</Button>
    </Popover>
  );
}

const keys = [['j', 'k'], ['Enter'], ['x'], ['/'], ['Esc']] as const;

/** Keys lists what the keyboard does in the list. */
export function Keys() {
  const { t } = useText();
  return (
    <Popover trigger="click" placement="bottomRight" title={t('orders.keys')} content={
      <dl style={{ display: 'grid', gridTemplateColumns: 'auto 1fr', gap: '6px 14px', margin: 0 }}>
        {keys.map((k) => [<dt key={`${k[0]}t`}>{k.map((key) => <kbd key={key} className="key">{key}</kbd>)}</dt>, <dd key={`${k[0]}d`} style={{ margin: 0 }}>{t(`orders.key.${k[0]}`)}</dd>])}
      </dl>
    }>
      <Button icon={<QuestionCircleOutlined />} aria-label={t('orders.keys')} />
    </Popover>
  );
}

export function Export({ filter }: { filter: Filter }) {
  const { t, lang } = useText();
  const { failed } = useTell();
  const [busy, setBusy] = useState(false);
  const run = async (format: string) => {
    const p = new URLSearchParams({ format, lang });
    for (const [k, v] of Object.entries(asQuery(filter))) for (const one of [v ?? []].flat()) p.append(k, String(one));
    setBusy(true);
    await download(`/orders/export?${p}`, `orders.${format}`).catch(failed);
    setBusy(false);
  };
  return (
    <Dropdown trigger={['click']} menu={{ items: ['csv', 'xlsx'].map((k) => ({ key: k, label: k.toUpperCase() })), onClick: ({ key }) => void run(key) }}>
      <Button icon={<DownloadOutlined />} loading={busy}>{t('orders.export')}</Button>
    </Dropdown>
  );
}
