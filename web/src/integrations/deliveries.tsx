// What an endpoint was and is to be told, and once more what was given up.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Segmented, Table, Typography } from 'antd';
import { Link, useSearchParams } from 'react-router';
import { masked } from '../orders/mask';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago, Chip, type Colour } from '../shell/words';
import { Heading, useRenewed } from './parts';

type Delivery = Schemas['DeliveryView'];
const states = ['pending', 'delivered', 'dead'] as const;
const colour: Record<Delivery['state'], Colour> = { pending: 'blue', delivered: 'green', dead: 'red' };

export function Deliveries({ of }: { of: Schemas['EndpointView'] }) {
  const endpoint = of.id;
  const { t, word } = useText();
  const { failed, done } = useTell();
  const can = useCan();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const state = states.find((s) => s === params.get('state'));
  const path = { id: endpoint };
  const list = usePages(['endpoints', endpoint, state], (before: number | undefined, signal) => ask(hub.GET('/api/v1/endpoints/{id}/deliveries', { params: { path, query: { state, before, limit: 50 } }, signal })), (p) => p.before || undefined, 3);
  useRenewed(['endpoints', endpoint], [of.pending, of.dead, of.delivered_at, of.next_at].join());
  const again = useMutation({
    mutationFn: (delivery: number) => ask(hub.POST('/api/v1/endpoints/{id}/redeliver', { params: { path }, body: { delivery } })),
    onSuccess: (r) => done(t('integ.redelivered', { count: r.deliveries })), onError: failed, onSettled: () => void client.invalidateQueries({ queryKey: ['endpoints'] }),
  });
  const show = (v: string) => setParams(v === 'all' ? { endpoint: String(endpoint) } : { endpoint: String(endpoint), state: v });
  return (
    <section aria-label={t('integ.deliveries')}>
      <Flex gap={12} align="center" wrap style={{ marginBottom: 10 }}>
        <Heading>{t('integ.deliveries')}</Heading>
        <Segmented aria-label={t('effects.state')} size="small" value={state ?? 'all'} onChange={show} options={[{ value: 'all', label: t('integ.any') }, ...states.map((s) => ({ value: s, label: word('integState', s) }))]} />
      </Flex>
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.deliveries);
        if (rows.length === 0) return <Nothing text={t('integ.noDeliveries')} />;
        return (
          <Table<Delivery> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }}
            expandable={{ expandedRowRender: (d) => <Contents endpoint={endpoint} d={d} />, rowExpandable: () => can('orders.read') }} columns={[
              { title: t('stock.when'), key: 'at', width: 110, render: (_, d) => <Ago at={d.created_at} /> },
              { title: t('col.number'), key: 'n', width: 100, render: (_, d) => <Link className="num" to={`/orders/${d.number}`}>{d.number}</Link> },
              { title: t('integ.kinds'), key: 'kind', render: (_, d) => word('event', d.kind) },
              { title: t('effects.state'), key: 'state', width: 120, render: (_, d) => <Chip colour={colour[d.state]}>{word('integState', d.state)}</Chip> },
              { title: t('integ.answer'), key: 'answer', render: (_, d) => <Answer d={d} /> },
              { title: '', key: 'act', width: 150, render: (_, d) => d.state !== 'pending' && can('accounts.manage') && <Button size="small" loading={again.isPending && again.variables === d.id} onClick={() => again.mutate(d.id)}>{t('integ.again')}</Button> },
            ]} />
        );
      }}</Shown>
      <More of={list} />
    </section>
  );
}

function Answer({ d }: { d: Delivery }) {
  const { t } = useText();
  return (
    <div style={{ maxWidth: 420, whiteSpace: 'normal' }}>
      {d.problem ? <Typography.Text type={d.state === 'dead' ? 'danger' : undefined}>{d.problem}</Typography.Text> : d.status}
      <div style={{ fontSize: 12 }}><Typography.Text type="secondary">{d.attempts > 0 && t('effects.attempts', { count: d.attempts })}{d.next_at && d.attempts > 0 && <> · {t('integ.next')} <Ago at={d.next_at} /></>}</Typography.Text></div>
    </div>
  );
}

// An answer is the receiver's own text: what looks like a phone or an address is
// hidden whatever it is.
function maskedText(s: string): string {
  try {
    return JSON.stringify(masked(JSON.parse(s)), null, 2);
  } catch {
    return s.replace(/[\w.+-]+@[\w-]+\.[\w.]+/g, '•••').replace(/\+?\d[\d ()-]{8,}\d/g, '•••');
  }
}

// Contents unfold what is told and what was answered, the buyer masked.
function Contents({ endpoint, d }: { endpoint: number; d: Delivery }) {
  const { t } = useText();
  const one = useQuery({ queryKey: ['endpoints', endpoint, 'delivery', d.id, d.attempts], queryFn: ({ signal }) => ask(hub.GET('/api/v1/endpoints/{id}/deliveries/{delivery}', { params: { path: { id: endpoint, delivery: d.id } }, signal })), staleTime: 30_000 });
  return (
    <Shown of={one} rows={3}>{(full) => (
      <Flex vertical gap={8}>
        <div>
          <Typography.Text strong>{t('integ.message')}</Typography.Text> <Typography.Text type="secondary">{t('integ.messageHint')}</Typography.Text>
          {full.message ? <pre className="pre mono" tabIndex={0} aria-label={t('integ.message')}>{JSON.stringify(masked(full.message), null, 2)}</pre> : <div>{t('integ.noMessage')}</div>}
        </div>
        {full.excerpt && <div><Typography.Text strong>{t('integ.excerpt')}</Typography.Text><pre className="pre mono" tabIndex={0} aria-label={t('integ.excerpt')}>{maskedText(full.excerpt)}</pre></div>}
      </Flex>
    )}</Shown>
  );
}
