// What an owner sets for the whole hub, and for each account.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Flex, Form, InputNumber, Popconfirm, Radio, Select, Typography } from 'antd';
import { useState, type ReactNode } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { ChannelBadge } from '../shell/words';
import { useAccounts } from '../orders/query';

export default function Settings() {
  const { t } = useText();
  const can = useCan();
  const accounts = useAccounts();
  return (
    <div className="page" style={{ maxWidth: 860 }}>
      <Head title={t('nav.settings')} />
      <Flex vertical gap={12}>
        <Part title={t('settings.oversell')}><Oversell /></Part>
        {can('customers.read') && <Part title={t('settings.retention')}><Retention /></Part>}
        <Shown of={accounts} rows={4}>{(list) => list.length === 0 ? <Nothing text={t('account.none')} hint={t('account.noneHint')} /> : (
          <Flex vertical gap={12}>
            {list.filter((a) => a.state !== 'removed').map((a) => <Part key={a.id} title={<ChannelBadge channel={a.channel} account={a.name || a.id} />}><Account id={a.id} /></Part>)}
          </Flex>
        )}</Shown>
      </Flex>
    </div>
  );
}

function Part({ title, children }: { title: ReactNode; children: ReactNode }) {
  return <Card size="small" title={<Typography.Title level={2} style={{ margin: 0, fontSize: 15 }}>{title}</Typography.Title>}>{children}</Card>;
}

function Oversell() {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const now = useQuery({ queryKey: ['oversell'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/settings/oversell', { signal })) });
  const save = useMutation({
    mutationFn: (policy: 'shared' | 'strict') => ask(hub.PUT('/api/v1/settings/oversell', { body: { policy } })),
    onSuccess: (p) => { client.setQueryData(['oversell'], p); done(t('form.saved')); }, onError: failed,
  });
  return (
    <Shown of={now} rows={3}>{(p) => (
      <Flex vertical gap={8}>
        <Radio.Group value={p.policy} disabled={save.isPending} onChange={(e) => save.mutate(e.target.value as 'shared' | 'strict')} options={[
          { value: 'shared', label: t('settings.shared') }, { value: 'strict', label: t('settings.strict') },
        ]} />
        <Typography.Text type="secondary">{p.policy === 'strict' ? t('settings.strictHint') : t('settings.sharedHint')}</Typography.Text>
      </Flex>
    )}</Shown>
  );
}

function Retention() {
  const { t } = useText();
  const can = useCan();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const now = useQuery({ queryKey: ['retention'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/settings/retention', { signal })) });
  const [days, setDays] = useState<number>();
  const save = useMutation({
    mutationFn: (n: number) => ask(hub.PUT('/api/v1/settings/retention', { body: { days: n } })),
    onSuccess: (r) => { client.setQueryData(['retention'], r); setDays(undefined); done(t('form.saved')); }, onError: failed,
  });
  return (
    <Shown of={now} rows={2}>{(r) => {
      const wanted = days ?? r.days;
      const button = <Button type="primary" disabled={wanted === r.days} loading={save.isPending} onClick={wanted === 0 ? () => save.mutate(0) : undefined}>{t('form.save')}</Button>;
      return (
        <Flex vertical gap={8}>
          <Flex gap={8} wrap align="center">
            <InputNumber min={0} max={36_500} precision={0} value={wanted} disabled={!can('customers.erase')} onChange={(v) => setDays(v ?? 0)} aria-label={t('settings.retentionDays')} suffix={t('settings.days')} style={{ width: 160 }} />
            {wanted === 0 || wanted === r.days ? button
              : <Popconfirm title={t('settings.retentionAsk', { count: wanted })} description={t('settings.retentionWarn')} okText={t('form.save')} okButtonProps={{ danger: true }} onConfirm={() => save.mutate(wanted)}>{button}</Popconfirm>}
          </Flex>
          <Typography.Text type="secondary">{r.days === 0 ? t('settings.retentionNever') : t('settings.retentionHint', { count: r.days })}</Typography.Text>
        </Flex>
      );
    }}</Shown>
  );
}

type Stock = Schemas['AccountStockRule'];
type Mode = NonNullable<NonNullable<Stock['publish']>['mode']>;
type Returns = Schemas['ReturnRule'];

const modes: readonly Mode[] = ['mirror', 'cap', 'share', 'fixed', 'off'];
const writers = ['overwrite', 'accept', 'stop'] as const;

interface Values {
  mode: Mode;
  value?: number;
  buffer?: number;
  writer: (typeof writers)[number];
  policy: Returns['policy'];
}

function Account({ id }: { id: string }) {
  const path = { params: { path: { account: id } } };
  const both = useQuery({
    queryKey: ['account', id, 'rules'],
    queryFn: async ({ signal }) => {
      const [stock, returns] = await Promise.all([ask(hub.GET('/api/v1/accounts/{account}/stock', { ...path, signal })), ask(hub.GET('/api/v1/accounts/{account}/returns', { ...path, signal }))]);
      return { stock, returns };
    },
  });
  return <Shown of={both} rows={2}>{({ stock, returns }) => <Rules id={id} stock={stock} returns={returns} />}</Shown>;
}

function Rules({ id, stock, returns }: { id: string; stock: Stock; returns: Returns }) {
  const { t } = useText();
  const can = useCan();
  const { done } = useTell();
  const client = useQueryClient();
  const [form] = Form.useForm<Values>();
  const mode = Form.useWatch('mode', form) ?? stock.publish?.mode;
  const path = { params: { path: { account: id } } };
  const save = useMutation({
    mutationFn: async (v: Values) => {
      const counted = v.mode === 'cap' || v.mode === 'share' || v.mode === 'fixed';
      await ask(hub.PUT('/api/v1/accounts/{account}/stock', { ...path, body: { publish: { mode: v.mode, value: counted ? (v.value ?? 0) : undefined, buffer: v.buffer || undefined }, second_writer: v.writer } }));
      await ask(hub.PUT('/api/v1/accounts/{account}/returns', { ...path, body: { policy: v.policy } }));
    },
    onSuccess: () => done(t('form.saved')),
    onSettled: () => void client.invalidateQueries({ queryKey: ['account', id, 'rules'] }),
  });
  const initial: Values = { mode: stock.publish?.mode ?? 'mirror', value: stock.publish?.value, buffer: stock.publish?.buffer ?? 0, writer: stock.second_writer ?? 'overwrite', policy: returns.policy };
  return (
    <Form<Values> form={form} name={`rules-${id}`} layout="vertical" requiredMark={false} initialValues={initial} disabled={!can('accounts.manage')} onFinish={(v) => save.mutate(v)}>
      {save.error && <Alert type="error" showIcon role="alert" title={save.error.message} style={{ marginBottom: 12 }} />}
      <Flex gap={12} wrap>
        <Form.Item name="mode" label={t('settings.publish')} style={{ flex: '1 1 240px' }}><Select options={modes.map((m) => ({ value: m, label: t(`settings.mode.${m}`) }))} /></Form.Item>
        {(mode === 'cap' || mode === 'fixed' || mode === 'share') && (
          <Form.Item name="value" label={mode === 'share' ? t('settings.percent') : t('settings.units')} rules={[{ required: true, message: t('form.required') }]}><InputNumber min={0} max={mode === 'share' ? 100 : 1_000_000} precision={0} /></Form.Item>
        )}
        <Form.Item name="buffer" label={t('settings.buffer')}><InputNumber min={0} max={1_000_000} precision={0} /></Form.Item>
        <Form.Item name="writer" label={t('settings.writer')} style={{ flex: '1 1 220px' }}><Select options={writers.map((w) => ({ value: w, label: t(`settings.writer.${w}`) }))} /></Form.Item>
        <Form.Item name="policy" label={t('settings.returns')} style={{ flex: '1 1 260px' }}><Select options={(['restock', 'inspect'] as const).map((p) => ({ value: p, label: t(`settings.returns.${p}`) }))} /></Form.Item>
      </Flex>
      <Button type="primary" htmlType="submit" loading={save.isPending}>{t('form.save')}</Button>
    </Form>
  );
}
