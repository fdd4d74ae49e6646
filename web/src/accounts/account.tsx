// One connection: its health, feeds, keys, and what can be done with it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Descriptions, Drawer, Flex, Form, Popconfirm, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub, Problem } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { usePace } from '../shell/live';
import { useCan } from '../shell/session';
import { sentence, Shown, useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { Ago, ChannelBadge, Chip } from '../shell/words';
import { useAccountState, type Account } from './accounts';
import { Check } from './check';
import { ChangeTimes } from './times';
import { given, SettingField, useChannels } from './wizard';

export function AccountDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const wide = useWide();
  const pace = usePace(3);
  const account = useQuery({ queryKey: ['account', id], queryFn: ({ signal }) => ask(hub.GET('/api/v1/accounts/{account}', { params: { path: { account: id } }, signal })), refetchInterval: pace });
  const a = account.data;
  return (
    <Drawer open onClose={onClose} size={wide ? 'min(760px, 94vw)' : '100%'} title={a ? <ChannelBadge channel={a.channel} account={a.name || a.id} /> : id}>
      <Shown of={account}>{(data) => <Body a={data} onClose={onClose} />}</Shown>
    </Drawer>
  );
}

function Body({ a, onClose }: { a: Account; onClose: () => void }) {
  const { t, said, word } = useText();
  const f = useFormat();
  const can = useCan();
  const state = useAccountState()(a);
  const [checking, setChecking] = useState(false);
  const importing = a.feeds.some((x) => x.sweeping && !x.confirmed_at);
  return (
    <Flex vertical gap={16}>
      {a.problem && <Alert type="warning" showIcon title={said(a.problem)} />}
      {importing && <Alert type="info" showIcon title={t('account.importing', { count: a.feeds.reduce((n, x) => n + x.items, 0) })} />}
      <Flex gap={8} wrap align="center">
        <Chip colour={state.colour}>{state.text}</Chip>
        {can('accounts.manage') && <Manage a={a} onClose={onClose} />}
        <Button onClick={() => setChecking(true)}>{t('check.do')}</Button>
        <Link to={`/orders?account=${a.id}`}>{t('account.orders')}</Link>
        {a.lists_days && <Link to={`/audits?account=${a.id}`}>{t('account.proof')}</Link>}
        {a.quarantine > 0 && <Link to={`/troubles?account=${a.id}`}>{t('account.quarantine')}: {f.number(a.quarantine)}</Link>}
      </Flex>
      {checking && <Check id={a.id} />}
      <section>
        <Typography.Title level={3} style={{ fontSize: 14 }}>{t('account.feeds')}</Typography.Title>
        <Table size="small" rowKey="feed" pagination={false} dataSource={a.feeds} scroll={{ x: 'max-content' }} columns={[
          { title: t('account.feed'), dataIndex: 'feed' },
          { title: t('account.confirmed'), key: 'at', render: (_, x) => (x.confirmed_at ? <Typography.Text type={x.late ? 'danger' : undefined}><Ago at={x.confirmed_at} /></Typography.Text> : t('account.never')) },
          { title: t('account.items'), dataIndex: 'items', align: 'right', render: (n: number) => f.number(n) },
          { title: t('account.error'), key: 'error', render: (_, x) => <Typography.Text type="danger" style={{ maxWidth: 260, display: 'inline-block' }}>{said(x.error)}</Typography.Text> },
        ]} />
      </section>
      {a.stock && (
        <Descriptions size="small" column={1} title={<Typography.Title level={3} style={{ fontSize: 14, margin: 0 }}>{t('account.stock')}</Typography.Title>} items={[
          { key: 's', label: t('account.stockStates'), children: Object.entries(a.stock.states).map(([k, n]) => `${word('pubState', k)} ${f.number(n)}`).join(', ') },
          ...(a.changes ? [{ key: 'c', label: t('times.title'), children: <ChangeTimes of={a.changes} /> }] : []),
          { key: 'm', label: t('account.stockLag'), children: a.stock.measured ? t('account.stockTimes', { mean: f.span(a.stock.mean_seconds), max: f.span(a.stock.max_seconds) }) : '–' },
          { key: 'f', label: t('account.foreign'), children: f.number(a.stock.foreign) },
        ]} />
      )}
      {a.webhook && <Descriptions size="small" column={1} items={[{ key: 'w', label: t('account.webhook'), children: <Typography.Text copyable={{ text: `${location.origin}${a.webhook}` }} className="mono">{a.webhook}</Typography.Text> }]} />}
      {can('accounts.manage') && <Settings a={a} />}
    </Flex>
  );
}

function Manage({ a, onClose }: { a: Account; onClose: () => void }) {
  const { t } = useText();
  const { failed } = useTell();
  const client = useQueryClient();
  const fresh = () => {
    void client.invalidateQueries({ queryKey: ['accounts'] });
    void client.invalidateQueries({ queryKey: ['account', a.id] });
  };
  const path = { params: { path: { account: a.id } } };
  const pause = useMutation({ mutationFn: (state: 'active' | 'paused') => ask(hub.PATCH('/api/v1/accounts/{account}', { ...path, body: { state } })), onError: failed, onSettled: fresh });
  const remove = useMutation({ mutationFn: () => ask(hub.DELETE('/api/v1/accounts/{account}', path)), onError: failed, onSettled: fresh, onSuccess: onClose });
  return (
    <>
      {a.state === 'paused'
        ? <Button type="primary" loading={pause.isPending} onClick={() => pause.mutate('active')}>{t('account.resume')}</Button>
        : <Popconfirm title={t('account.pauseAsk')} description={t('account.pauseHint')} okText={t('account.pause')} onConfirm={() => pause.mutate('paused')}><Button loading={pause.isPending}>{t('account.pause')}</Button></Popconfirm>}
      <Popconfirm title={t('account.removeAsk')} description={t('account.removeHint')} okText={t('form.remove')} okButtonProps={{ danger: true }} onConfirm={() => remove.mutate()}><Button danger loading={remove.isPending}>{t('form.remove')}</Button></Popconfirm>
    </>
  );
}

function Settings({ a }: { a: Account }) {
  const { t } = useText();
  const { done } = useTell();
  const client = useQueryClient();
  const channel = useChannels().data?.find((c) => c.name === a.channel);
  const [form] = Form.useForm<{ settings: Record<string, string | undefined> }>();
  const save = useMutation({
    mutationFn: (settings: Record<string, string>) => ask(hub.PATCH('/api/v1/accounts/{account}', { params: { path: { account: a.id } }, body: { settings } })),
    onSuccess: () => {
      done(t('form.saved'));
      form.resetFields();
      void client.invalidateQueries({ queryKey: ['account', a.id] });
    },
  });
  if (!channel) return null;
  const fields = save.error instanceof Problem ? save.error.fields : {};
  // A secret is shown as "set"; only what was typed anew is sent.
  const open = Object.fromEntries(channel.settings.filter((s) => !s.secret).map((s) => [s.key, a.settings[s.key]]));
  return (
    <section>
      <Typography.Title level={3} style={{ fontSize: 14 }}>{t('account.settings')}</Typography.Title>
      {save.error && <Alert type="error" showIcon role="alert" title={sentence(save.error, t('state.offline'))} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" initialValues={{ settings: open }} onFinish={(v) => {
        const typed = given(v.settings);
        save.mutate(Object.fromEntries(channel.settings.flatMap((s): [string, string][] => {
          const now = typed[s.key] ?? '';
          if (s.secret) return now ? [[s.key, now]] : [];
          return now === (a.settings[s.key] ?? '') ? [] : [[s.key, now]];
        })));
      }}>
        {channel.settings.map((s) => <SettingField key={s.key} channel={channel.name} setting={s} error={fields[s.key] ?? fields[`settings.${s.key}`]} optional={a.settings[s.key] !== undefined} />)}
        <Button type="primary" htmlType="submit" loading={save.isPending}>{t('form.save')}</Button>
      </Form>
    </section>
  );
}
