// One buyer: orders of all channels, returns, sums, notes, and who else it may be.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Descriptions, Drawer, Flex, Statistic, Table, Typography } from 'antd';
import { Link } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { usePace } from '../shell/live';
import { useCan } from '../shell/session';
import { Shown, useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { Ago, ChannelBadge, Chip, StatusTag, Tags, Who } from '../shell/words';
import { Section } from '../orders/card';
import { TagsField } from '../orders/marks';
import { returnColour } from '../returns/returns';
import { Name, useSums } from './customers';
import { DataActions } from './data';
import { Merges, MergeWith, OpenPairs } from './merges';
import { Notes } from './notes';

export type Customer = Schemas['CustomerCard'];

/** useWork makes a change of a buyer and looks at everything about buyers anew. */
export function useWork<V>(change: (v: V) => Promise<unknown>, said?: string) {
  const client = useQueryClient();
  const { failed, done } = useTell();
  return useMutation({
    mutationFn: change, onError: failed,
    onSuccess: () => { if (said) done(said); },
    onSettled: () => { for (const key of ['customer', 'customers', 'suggestions']) void client.invalidateQueries({ queryKey: [key] }); },
  });
}

interface Props {
  id: number;
  onOpen: (id: number) => void;
  onClose: () => void;
}

export function CustomerDrawer({ id, onOpen, onClose }: Props) {
  const wide = useWide();
  const pace = usePace(10);
  const card = useQuery({ queryKey: ['customer', id], queryFn: ({ signal }) => ask(hub.GET('/api/v1/customers/{id}', { params: { path: { id } }, signal })), refetchInterval: pace });
  return (
    <Drawer open onClose={onClose} size={wide ? 'min(960px, 94vw)' : '100%'} styles={{ body: { padding: wide ? 16 : 10 } }}
      title={<Typography.Title level={2} style={{ margin: 0, fontSize: 18 }}>{card.data && <Title c={card.data} />}</Typography.Title>}>
      <Shown of={card} rows={10}>{(c) => <Body c={c} onOpen={onOpen} />}</Shown>
    </Drawer>
  );
}

function Title({ c }: { c: Customer }) {
  const can = useCan();
  const { t } = useText();
  const rename = useWork((name: string) => ask(hub.PATCH('/api/v1/customers/{id}', { params: { path: { id: c.id } }, body: { name } })), t('form.saved'));
  if (!can('customers.work') || !can('personal_data') || c.erased_at) return <Name of={c} />;
  return <Typography.Text style={{ fontSize: 18 }} editable={{ maxLength: 200, tooltip: t('customers.rename'), text: c.name ?? '', onChange: (name) => { if (name.trim() !== (c.name ?? '')) rename.mutate(name.trim()); } }}><Name of={c} /></Typography.Text>;
}

function Body({ c, onOpen }: { c: Customer; onOpen: (id: number) => void }) {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  const sums = useSums();
  const facts: [string, React.ReactNode][] = [
    [t('buyer.phone'), c.phones.map((p) => <div key={p}><Typography.Text copyable={can('personal_data')}>{p}</Typography.Text></div>)],
    [t('buyer.email'), c.emails.map((e) => <div key={e}><Typography.Text copyable={can('personal_data')}>{e}</Typography.Text></div>)],
    [t('customers.names'), c.names.filter((n) => n !== c.name).join('; ')],
    [t('customers.addresses'), c.addresses.map((a) => [a.city, a.address].filter(Boolean).join(', ')).filter(Boolean).map((a) => <div key={a}>{a}</div>)],
    [t('customers.since'), f.day(c.created_at)],
  ];
  return (
    <Flex vertical gap={18}>
      {c.erased_at && <Alert type="info" showIcon title={t('customers.erasedAt', { at: f.full(c.erased_at) })} description={<>{c.erased_by && <Who actor={c.erased_by} />}{c.erased_why && <>: {c.erased_why}</>}</>} />}
      <Flex gap={28} wrap>
        <Statistic title={t('customers.orders')} value={f.number(c.order_count)} styles={{ content: { fontSize: 20 } }} />
        <Statistic title={t('customers.bought')} value={sums(c.bought)} styles={{ content: { fontSize: 20 } }} />
        <Statistic title={t('customers.returned')} value={c.return_count ? `${sums(c.returned)} (${f.number(c.return_count)})` : '–'} styles={{ content: { fontSize: 20 } }} />
      </Flex>
      <CardTags c={c} />
      {c.suggestions.some((s) => s.state === 'open') && <Alert type="warning" showIcon title={t('customers.maybe')} description={<OpenPairs c={c} onOpen={onOpen} />} />}
      <Descriptions size="small" column={1} colon={false} styles={{ label: { width: 140 } }} items={facts.filter(([, v]) => (Array.isArray(v) ? v.length > 0 : v)).map(([label, children]) => ({ key: label, label, children }))} />
      <Section title={t('note.title')}><Notes c={c} /></Section>
      <Section title={t('customers.allOrders', { count: c.orders.length })}><Orders orders={c.orders} total={c.order_count} /></Section>
      {c.returns.length > 0 && <Section title={t('nav.returns')}><Returns c={c} /></Section>}
      {c.merges.length > 0 && <Section title={t('customers.merges')}><Merges c={c} /></Section>}
      {!c.erased_at && <Flex gap={8} wrap>{can('customers.work') && <MergeWith c={c} onOpen={onOpen} />}<DataActions c={c} /></Flex>}
    </Flex>
  );
}

function CardTags({ c }: { c: Customer }) {
  const { t } = useText();
  const can = useCan();
  const set = useWork((tags: string[]) => ask(hub.PATCH('/api/v1/customers/{id}', { params: { path: { id: c.id } }, body: { tags } })));
  if (!can('customers.work') || c.erased_at) return <Tags of={c.tags} />;
  return <TagsField offered={false} value={set.isPending ? set.variables : c.tags} disabled={set.isPending} onChange={(tags) => set.mutate(tags)} placeholder={t('note.tags')} />;
}

function Orders({ orders, total }: { orders: Schemas['OrderRow'][]; total: number }) {
  const { t } = useText();
  const f = useFormat();
  return (
    <>
      <Table size="small" rowKey="number" pagination={orders.length > 10 ? { pageSize: 10, showSizeChanger: false, size: 'small' } : false} dataSource={orders} scroll={{ x: 'max-content' }} columns={[
        { title: t('col.number'), dataIndex: 'number', width: 90, render: (n: number) => <Link className="num" to={`/orders/${n}`}>{n}</Link> },
        { title: t('col.account'), key: 'account', width: 140, render: (_, r) => <ChannelBadge channel={r.channel} account={r.account} /> },
        { title: t('col.status'), key: 'status', width: 130, render: (_, r) => <StatusTag status={r.status} requested={r.requested} /> },
        { title: t('col.goods'), key: 'goods', render: (_, r) => <span>{r.first_line}{r.line_count > 1 && ` +${r.line_count - 1}`}</span> },
        { title: t('col.total'), key: 'total', align: 'right', render: (_, r) => <span className="num nowrap">{f.money(r.total)}</span> },
        { title: t('col.placed'), key: 'placed', render: (_, r) => <Ago at={r.placed_at} /> },
      ]} />
      {total > orders.length && <Typography.Text type="secondary">{t('customers.newest', { count: orders.length })}</Typography.Text>}
    </>
  );
}

function Returns({ c }: { c: Customer }) {
  const { word, t } = useText();
  const f = useFormat();
  return (
    <Flex vertical gap={4}>
      {c.returns.map((r) => (
        <Flex key={r.id} gap={10} align="center" wrap>
          <Link to={`/returns/${r.id}`} className="num">{t('return.title', { id: r.id })}</Link>
          <Chip colour={returnColour[r.state] ?? 'grey'}>{word('returnState', r.state)}</Chip><span>{word('returnKind', r.kind)}</span>
          <span className="num">{f.money(r.refund)}</span><Typography.Text type="secondary">{r.reason}</Typography.Text>
        </Flex>
      ))}
    </Flex>
  );
}
