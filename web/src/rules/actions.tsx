// What a rule does, one action after the other.
import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { AutoComplete, Button, Flex, Form, Input, Select, type FormInstance } from 'antd';
import { useText } from '../shell/i18n';
import { statuses } from '../shell/words';
import { useRecipients } from '../notify/recipients';
import { useColleagues } from '../orders/query';
import type { Body } from './editor';

const kinds = ['tag', 'untag', 'assign', 'note', 'hold', 'unhold', 'status', 'notify', 'webhook'] as const;

export function Actions({ form }: { form: FormInstance<Body> }) {
  const { t } = useText();
  return (
    <Form.List name="then">
      {(rows, { add, remove }) => (
        <Form.Item label={t('rules.then')} required>
          <Flex vertical gap={8}>
            {rows.map(({ key, name }) => (
              <Flex key={key} gap={8} wrap align="flex-start">
                <Form.Item name={[name, 'do']} noStyle><Select aria-label={t('rules.action')} style={{ width: 190 }} options={kinds.map((k) => ({ value: k, label: t(`act.${k}`) }))} onChange={(k: string) => form.setFieldValue(['then', name], { do: k })} /></Form.Item>
                <Details at={name} form={form} />
                <Button type="text" icon={<DeleteOutlined />} aria-label={t('rules.actionDrop')} disabled={rows.length === 1} onClick={() => remove(name)} />
              </Flex>
            ))}
            {rows.length < 10 && <div><Button size="small" icon={<PlusOutlined />} onClick={() => add({ do: 'note' })}>{t('rules.actionAdd')}</Button></div>}
          </Flex>
        </Form.Item>
      )}
    </Form.List>
  );
}

function Details({ at, form }: { at: number; form: FormInstance<Body> }) {
  const { t, word } = useText();
  const what = Form.useWatch(['then', at, 'do'], form) as (typeof kinds)[number] | undefined;
  const status = Form.useWatch(['then', at, 'status'], form) as string | undefined;
  const people = useRecipients();
  const colleagues = useColleagues(what === 'assign');
  const required = [{ required: true, message: t('form.required') }];
  const item = (name: string, child: React.ReactNode, needed = false, grow = '1 1 200px') => <Form.Item name={[at, name]} rules={needed ? required : undefined} style={{ margin: 0, flex: grow, minWidth: 120 }}>{child}</Form.Item>;
  const text = (label: string, needed: boolean) => item('text', <Input maxLength={what === 'note' ? 4000 : 500} placeholder={label} aria-label={label} />, needed);
  switch (what) {
    case 'tag': case 'untag': return item('tag', <Input maxLength={40} placeholder={t('rules.tag')} aria-label={t('rules.tag')} />, true);
    case 'assign': return item('assignee', <AutoComplete maxLength={100} placeholder={t('rules.who')} aria-label={t('rules.who')} options={(colleagues.data ?? []).map((c) => ({ value: c.login, label: c.name || c.login }))} />);
    case 'note': return text(t('rules.noteText'), true);
    case 'hold': return text(t('hold.why'), false);
    case 'unhold': return null;
    case 'status': return (
      <>
        {item('status', <Select placeholder={t('col.status')} aria-label={t('col.status')} options={statuses.filter((s) => s !== 'unknown' && s !== 'pending').map((s) => ({ value: s, label: word('status', s) }))} />, true)}
        {status === 'cancelled' && item('reason', <Input maxLength={100} placeholder={t('rules.reason')} aria-label={t('rules.reason')} />)}
      </>
    );
    case 'notify': return (
      <>
        {text(t('rules.message'), true)}
        {item('recipients', <Select mode="multiple" allowClear placeholder={t('rules.toWhom')} aria-label={t('rules.toWhom')} options={(people.data ?? []).map((p) => ({ value: p.id, label: p.name }))} />)}
      </>
    );
    case 'webhook': return (
      <>
        {item('recipient', <Select placeholder={t('rules.program')} aria-label={t('rules.program')} notFoundContent={t('rules.noPrograms')} options={(people.data ?? []).filter((p) => p.kind === 'webhook').map((p) => ({ value: p.id, label: p.name }))} />, true)}
        {text(t('rules.message'), false)}
      </>
    );
    case undefined: return null;
  }
}
