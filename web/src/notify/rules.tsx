// Rules: what is told to whom.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Form, Input, Modal, Popconfirm, Select, Switch, Table, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { Nothing, Shown, useTell } from '../shell/state';
import { holds, statuses } from '../shell/words';
import { useAccounts } from '../orders/query';
import { useRecipients } from './recipients';

type Rule = Schemas['RuleView'];
type RuleBody = Schemas['RuleBody'];

const triggers = ['received', 'status', 'hold', 'deadline', 'effect', 'return', 'account_failing', 'key_expiring', 'requested', 'changed', 'drift', 'return_deadline', 'integration_failing', 'rule'] as const;

/** bodyOf is a rule as it is sent back. */
function bodyOf(r: Rule): RuleBody {
  const body: RuleBody & { id?: number } = { ...r };
  delete body.id;
  return body;
}

export function Rules() {
  const { t, word } = useText();
  const { failed } = useTell();
  const client = useQueryClient();
  const rules = useQuery({ queryKey: ['rules'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/notify/rules', { signal })) });
  const people = useRecipients();
  const [edit, setEdit] = useState<Partial<Rule>>();
  const fresh = () => void client.invalidateQueries({ queryKey: ['rules'] });
  const set = useMutation({ mutationFn: (r: Rule) => ask(hub.PUT('/api/v1/notify/rules/{id}', { params: { path: { id: r.id } }, body: bodyOf(r) })), onError: failed, onSettled: fresh });
  const remove = useMutation({ mutationFn: (id: number) => ask(hub.DELETE('/api/v1/notify/rules/{id}', { params: { path: { id } } })), onError: failed, onSettled: fresh });
  const names = (ids?: number[]) => (ids?.length ? ids.map((id) => people.data?.find((p) => p.id === id)?.name ?? id).join(', ') : t('notify.everybody'));
  const about = (r: Rule) => [
    ...(r.filter?.statuses ?? []).map((s) => word('status', s)), ...(r.filter?.holds ?? []).map((h) => word('hold', h)), ...(r.filter?.states ?? []).map((s) => word('effect', s)),
    ...(r.filter?.accounts ?? []), ...(r.filter?.channels ?? []).map((c) => word('channel', c)),
  ].join(', ');
  const add = <Button type="primary" icon={<PlusOutlined />} onClick={() => setEdit({})}>{t('notify.addRule')}</Button>;
  return (
    <>
      <Shown of={rules}>{({ rules: list }) => list.length === 0 ? <Nothing text={t('notify.noRules')} hint={t('notify.noRulesHint')}>{add}</Nothing> : (
        <Flex vertical gap={10}>
          <Flex justify="end">{add}</Flex>
          <Table<Rule> size="small" rowKey="id" pagination={false} dataSource={list} scroll={{ x: 'max-content' }} columns={[
            { title: t('notify.on'), key: 'enabled', width: 70, render: (_, r) => <Switch size="small" checked={r.enabled} aria-label={r.name} loading={set.isPending && set.variables.id === r.id} onChange={(enabled) => set.mutate({ ...r, enabled })} /> },
            { title: t('products.name'), dataIndex: 'name', render: (n: string) => <Typography.Text strong>{n}</Typography.Text> },
            { title: t('notify.trigger'), key: 'on', render: (_, r) => <>{word('trigger', r.on)}{about(r) && <Typography.Text type="secondary"> · {about(r)}</Typography.Text>}</> },
            { title: t('notify.recipients'), key: 'to', render: (_, r) => names(r.recipients) },
            { title: t('notify.when'), key: 'when', render: (_, r) => [r.digest_at && t('notify.digest', { at: r.digest_at }), r.quiet_from && r.quiet_to && t('notify.quiet', { from: r.quiet_from, to: r.quiet_to })].filter(Boolean).join(', ') || t('notify.atOnce') },
            { title: '', key: 'act', width: 170, render: (_, r) => <Flex gap={8} justify="end"><Button size="small" onClick={() => setEdit(r)}>{t('form.edit')}</Button><Popconfirm title={t('notify.removeAsk', { name: r.name })} okText={t('form.remove')} onConfirm={() => remove.mutate(r.id)}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm></Flex> },
          ]} />
        </Flex>
      )}</Shown>
      {edit && <Edit rule={edit} onClose={() => { setEdit(undefined); fresh(); }} />}
    </>
  );
}

interface Values {
  name: string;
  on: RuleBody['on'];
  recipients?: number[];
  accounts?: string[];
  statuses?: string[];
  holds?: string[];
  states?: string[];
  digest_at?: string;
  quiet_from?: string;
  quiet_to?: string;
}

const clock = /^([01]\d|2[0-3]):[0-5]\d$/;

function Edit({ rule, onClose }: { rule: Partial<Rule>; onClose: () => void }) {
  const { t, word } = useText();
  const { failed, done } = useTell();
  const people = useRecipients();
  const accounts = useAccounts();
  const [form] = Form.useForm<Values>();
  const on = Form.useWatch('on', form) ?? rule.on;
  const save = useMutation({
    mutationFn: (v: Values) => {
      const body: RuleBody = {
        ...(rule.id ? bodyOf(rule as Rule) : {}), name: v.name.trim(), on: v.on, recipients: v.recipients?.length ? v.recipients : undefined,
        filter: { ...rule.filter, accounts: v.accounts, statuses: v.statuses, holds: v.holds, states: v.states },
        digest_at: v.digest_at || undefined, quiet_from: v.quiet_from || undefined, quiet_to: v.quiet_to || undefined,
      };
      for (const k of ['accounts', 'statuses', 'holds', 'states', 'channels'] as const) if (!body.filter?.[k]?.length) delete body.filter?.[k];
      return rule.id ? ask(hub.PUT('/api/v1/notify/rules/{id}', { params: { path: { id: rule.id } }, body })) : ask(hub.POST('/api/v1/notify/rules', { body }));
    },
    onSuccess: () => { done(t('form.saved')); onClose(); }, onError: failed,
  });
  const many = (name: keyof Values, label: string, options: { value: string; label: string }[]) => <Form.Item name={name} label={label}><Select mode="multiple" allowClear options={options} placeholder={t('notify.any')} /></Form.Item>;
  const time = { pattern: clock, message: t('notify.clock') };
  return (
    <Modal open title={rule.id ? t('notify.editRule') : t('notify.addRule')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={onClose} destroyOnHidden>
      <Form<Values> form={form} layout="vertical" initialValues={{ ...rule, ...rule.filter }} onFinish={(v) => save.mutate(v)}>
        <Form.Item name="name" label={t('products.name')} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={100} autoFocus /></Form.Item>
        <Form.Item name="on" label={t('notify.trigger')} rules={[{ required: true, message: t('form.required') }]}><Select options={triggers.map((v) => ({ value: v, label: t(`trigger.${v}`) }))} /></Form.Item>
        {(on === 'status' || on === 'requested') && many('statuses', t('col.status'), statuses.map((s) => ({ value: s, label: word('status', s) })))}
        {on === 'hold' && many('holds', t('col.holds'), holds.filter((h) => ['short', 'unmapped', 'manual', 'conflict'].includes(h)).map((h) => ({ value: h, label: word('hold', h) })))}
        {on === 'effect' && many('states', t('effects.state'), ['rejected', 'uncertain', 'confirmed'].map((s) => ({ value: s, label: word('effect', s) })))}
        {many('accounts', t('col.account'), (accounts.data ?? []).map((a) => ({ value: a.id, label: a.name || a.id })))}
        <Form.Item name="recipients" label={t('notify.recipients')}><Select mode="multiple" allowClear placeholder={t('notify.everybody')} options={(people.data ?? []).map((p) => ({ value: p.id, label: p.name }))} /></Form.Item>
        <Flex gap={12} wrap>
          <Form.Item name="digest_at" label={t('notify.digestAt')} rules={[time]} style={{ flex: 1 }}><Input placeholder="09:00" /></Form.Item>
          <Form.Item name="quiet_from" label={t('notify.quietFrom')} rules={[time]} style={{ flex: 1 }}><Input placeholder="22:00" /></Form.Item>
          <Form.Item name="quiet_to" label={t('notify.quietTo')} rules={[time]} style={{ flex: 1 }}><Input placeholder="08:00" /></Form.Item>
        </Flex>
      </Form>
    </Modal>
  );
}
