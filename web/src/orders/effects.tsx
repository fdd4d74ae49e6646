// What is owed to the channel for an order, how far it is, and another try.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Table, Typography } from 'antd';
import { Link } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { useTell } from '../shell/state';
import { Ago, EffectTag, Who } from '../shell/words';

type Effect = Schemas['Effect'];
const again = new Set(['rejected', 'uncertain']);

export function Effects({ effects, orders }: { effects: Effect[]; orders?: boolean }) {
  const { t, word, said } = useText();
  const f = useFormat();
  const can = useCan();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: (id: number) => ask(hub.POST('/api/v1/effects/{id}/retry', { params: { path: { id } } })),
    onSuccess: () => {
      done(t('effects.again'));
      for (const key of ['effects', 'order', 'orders', 'return', 'overview']) void client.invalidateQueries({ queryKey: [key] });
    },
    onError: failed,
  });
  const span = (e: Effect) => {
    const parts = [['sent', e.sent_at], ['accepted', e.accepted_at], ['confirmed', e.state === 'confirmed' ? e.finished_at : undefined]] as const;
    return parts.filter(([, at]) => at).map(([k, at]) => `${word('effect', k)} ${f.span((Date.parse(at ?? '') - Date.parse(e.created_at)) / 1000)}`).join(', ');
  };
  return (
    <Table<Effect> size="small" rowKey="id" pagination={false} dataSource={orders ? effects : [...effects].reverse()} scroll={{ x: 'max-content' }}
      columns={[
        ...(orders ? [{ title: t('col.number'), dataIndex: 'number', width: 110, render: (n: number | undefined, e: Effect) => (n ? <Link className="num" to={`/orders/${n}`}>{n}</Link> : <Link to={`/returns/${e.return}`}>{t('return.title', { id: e.return ?? 0 })}</Link>) }, { title: t('col.account'), dataIndex: 'account', width: 120 }] : []),
        { title: t('effects.what'), key: 'what', width: 170, render: (_, e) => <span>{word('effectKind', e.kind)}{e.to && <> → {word('status', e.to)}</>}</span> },
        { title: t('effects.state'), key: 'state', width: 120, render: (_, e) => <EffectTag state={e.state} /> },
        {
          title: t('effects.how'), key: 'how', render: (_, e) => (
            <div style={{ maxWidth: 460, minWidth: 180, whiteSpace: 'normal' }}>
              {e.error ? <Typography.Text type={again.has(e.state) ? 'danger' : undefined}>{said(e.error)}</Typography.Text> : <Typography.Text type="secondary">{span(e)}</Typography.Text>}
              <div style={{ fontSize: 12 }}>
                <Typography.Text type="secondary"><Ago at={e.created_at} /> · <Who actor={e.actor} />{e.attempts > 1 && ` · ${t('effects.attempts', { count: e.attempts })}`}</Typography.Text>
              </div>
            </div>
          ),
        },
        {
          title: <span className="nowrap">{t('effects.act')}</span>, key: 'act', width: 110, render: (_, e) => again.has(e.state) && can('orders.work') && (
            <Flex><Button size="small" loading={retry.isPending && retry.variables === e.id} onClick={() => retry.mutate(e.id)}>{t('effects.retry')}</Button></Flex>
          ),
        },
      ]}
    />
  );
}
