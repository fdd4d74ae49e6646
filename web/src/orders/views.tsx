// Ways to look at the list: the usual ones, those that a person saved, columns,
// and the list as a file.
import { DeleteOutlined, DownloadOutlined, SettingOutlined, StarOutlined } from '@ant-design/icons';
import { Button, Checkbox, Dropdown, Flex, Input, Modal, Popover, Segmented } from 'antd';
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
  const { modal } = useTell();
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState('');
  const save = () => {
    if (!name.trim()) return;
    setViews([...views.filter((v) => v.name !== name.trim()), { name: name.trim(), query: writeFilter(filter).toString() }]);
    setNaming(false);
    setName('');
  };
  const remove = (v: View) => {
    void modal.confirm({
      title: t('orders.viewRemoveAsk', { name: v.name }), okText: t('form.remove'), okButtonProps: { danger: true }, cancelText: t('form.cancel'),
      onOk: () => setViews(views.filter((o) => o !== v)),
    });
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
        <Button icon={<StarOutlined />}>{t('orders.views')}</Button>
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
