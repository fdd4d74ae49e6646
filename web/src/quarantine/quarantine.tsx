// Answers of channels that could not be understood: try again, or drop.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Flex, Popconfirm, Table, Typography } from 'antd';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago } from '../shell/words';
import { Payload } from '../orders/timeline';

export function Quarantine({ account }: { account?: string }) {
  const { t, said } = useText();
  const can = useCan();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const list = usePages(['quarantine', account], (before: number | undefined, signal) => ask(hub.GET('/api/v1/inbox', { params: { query: { state: 'quarantined', account, before, limit: 50 } }, signal })), (p) => p.before || undefined);
  const fresh = () => { for (const k of ['quarantine', 'raw', 'accounts', 'overview']) void client.invalidateQueries({ queryKey: [k] }); };
  const retry = useMutation({ mutationFn: (id: number) => ask(hub.POST('/api/v1/inbox/{id}/retry', { params: { path: { id } } })), onSuccess: () => done(t('troubles.requeued')), onError: failed, onSettled: fresh });
  const drop = useMutation({ mutationFn: (id: number) => ask(hub.POST('/api/v1/inbox/{id}/drop', { params: { path: { id } } })), onError: failed, onSettled: fresh });
  const all = useMutation({ mutationFn: (a: string) => ask(hub.POST('/api/v1/accounts/{account}/quarantine/retry', { params: { path: { account: a } } })), onSuccess: () => done(t('troubles.requeued')), onError: failed, onSettled: fresh });
  const work = can('inbox.work');
  return (
    <>
      {account && work && <Button style={{ marginBottom: 8 }} loading={all.isPending} onClick={() => all.mutate(account)}>{t('troubles.retryAll')}</Button>}
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.raw);
        if (rows.length === 0) return <Nothing text={t('troubles.none')} />;
        return (
          <Table size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} expandable={can('personal_data') ? { expandedRowRender: (r) => <One id={r.id} /> } : undefined} columns={[
            { title: t('troubles.read'), key: 'at', width: 110, render: (_, r) => <Ago at={r.read_at} /> }, { title: t('col.account'), dataIndex: 'account', width: 130 },
            { title: t('troubles.id'), dataIndex: 'external_id', width: 170, render: (v: string) => <span className="mono">{v}</span> },
            { title: t('stock.why'), key: 'error', render: (_, r) => <Typography.Text type="danger" style={{ display: 'inline-block', maxWidth: 480, whiteSpace: 'normal' }}>{said(r.error)}</Typography.Text> },
            {
              title: '', key: 'act', width: 190, render: (_, r) => work && (
                <Flex gap={6}>
                  <Button size="small" loading={retry.isPending && retry.variables === r.id} onClick={() => retry.mutate(r.id)}>{t('state.again')}</Button>
                  <Popconfirm title={t('troubles.dropAsk')} description={t('troubles.dropHint')} okText={t('troubles.drop')} okButtonProps={{ danger: true }} onConfirm={() => drop.mutate(r.id)}><Button size="small" danger>{t('troubles.drop')}</Button></Popconfirm>
                </Flex>
              ),
            },
          ]} />
        );
      }}</Shown>
      <More of={list} />
    </>
  );
}

function One({ id }: { id: number }) {
  const { t, said } = useText();
  const raw = useQuery({ queryKey: ['raw', id], queryFn: ({ signal }) => ask(hub.GET('/api/v1/inbox/{id}', { params: { path: { id } }, signal })), staleTime: 60_000 });
  return (
    <Flex vertical gap={8}>
      {raw.data?.why && <Alert type="info" showIcon title={t('troubles.now')} description={said(raw.data.why)} />}
      <Payload id={id} />
    </Flex>
  );
}
