// One order with all that belongs to it, beside the list.
import { DownOutlined, UpOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Drawer, Flex, Typography } from 'antd';
import { useEffect, type ReactNode } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { usePace } from '../shell/live';
import { useCan } from '../shell/session';
import { Shown } from '../shell/state';
import { useWide } from '../shell/wide';
import { ChannelBadge, Deadline, HoldTags, StatusTag } from '../shell/words';
import { Actions, CancelRequest } from './actions';
import { Deadlines } from './deadlines';
import { Effects } from './effects';
import { Goods, Lines, Siblings } from './lines';
import { Buyer, Facts, Money, Shipping } from './facts';
import { Marks, Notes } from './notes';
import type { Row } from './query';
import { typing } from './table';
import { Timeline } from './timeline';
import { Removed } from './units';

export type CardData = Schemas['OrderCard'];

export function useOrder(number: number) {
  const pace = usePace(3);
  return useQuery({
    queryKey: ['order', number],
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/orders/{number}', { params: { path: { number } }, signal })),
    refetchInterval: pace,
  });
}

interface Props {
  number: number;
  rows: Row[];
  onOpen: (number: number) => void;
  onClose: () => void;
}

export default function OrderDrawer({ number, rows, onOpen, onClose }: Props) {
  const { t } = useText();
  const wide = useWide();
  const order = useOrder(number);
  const at = rows.findIndex((r) => r.number === number);
  const before = at > 0 ? rows[at - 1] : undefined;
  const after = at >= 0 ? rows[at + 1] : undefined;
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      // The drawer is a dialog itself; fields and further dialogs keep their keys.
      const el = e.target as HTMLElement | null;
      if (typing(e) && !el?.closest('.order-drawer')) return;
      if (el?.closest('input, textarea, .ant-modal') || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === 'j' && after) onOpen(after.number);
      if (e.key === 'k' && before) onOpen(before.number);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [after, before, onOpen]);
  const o = order.data;
  return (
    <Drawer
      open onClose={onClose} size={wide ? 'min(1080px, 94vw)' : '100%'} rootClassName="order-drawer" styles={{ body: { padding: wide ? 16 : 10 }, header: { padding: '8px 12px' } }}
      title={
        <Flex gap={12} align="center" wrap>
          <Typography.Title level={2} style={{ margin: 0, fontSize: 18 }} className="num">{t('order.title', { number })}</Typography.Title>
          {o && <StatusTag status={o.status} requested={o.requested} />}
          {o && <Deadline at={o.ship_by} status={o.status} />}
        </Flex>
      }
      extra={wide && (
        <Flex gap={4}>
          <Button type="text" icon={<UpOutlined />} disabled={!before} aria-label={t('order.previous')} onClick={() => before && onOpen(before.number)} />
          <Button type="text" icon={<DownOutlined />} disabled={!after} aria-label={t('order.next')} onClick={() => after && onOpen(after.number)} />
        </Flex>
      )}
    >
      <Shown of={order} rows={10}>{(data) => <Card o={data} wide={wide} onOpen={onOpen} />}</Shown>
    </Drawer>
  );
}

function Card({ o, wide, onOpen }: { o: CardData; wide: boolean; onOpen: (n: number) => void }) {
  const { t, said } = useText();
  const can = useCan();
  const goods = (
    <>
      <Section title={t('order.lines')}><Lines o={o} wide={wide} />{o.removed.length > 0 && <Removed o={o} />}</Section>
      {o.goods.length > 0 && <Section title={t('order.goods')}><Goods o={o} /></Section>}
      {(o.siblings.length > 0 || o.returns.length > 0) && <Siblings o={o} onOpen={onOpen} />}
    </>
  );
  const facts = (
    <>
      <Section title={t('order.buyer')}><Buyer o={o} /></Section>
      <Section title={t('order.shipping')}><Shipping o={o} /></Section>
      <Section title={t('order.money')}><Money o={o} /></Section>
      <Section title={t('order.facts')}><Facts o={o} /></Section>
    </>
  );
  const history = (
    <>
      {o.effects.length > 0 && <Section title={t('order.effects')}><Effects effects={o.effects} /></Section>}
      {(o.notes.length > 0 || can('orders.work')) && <Section title={t('note.title')}><Notes o={o} /></Section>}
      <Section title={t('order.timeline')}><Timeline events={o.timeline} /></Section>
    </>
  );
  return (
    <Flex vertical gap={14}>
      <Flex gap={12} wrap align="center">
        <ChannelBadge channel={o.channel} account={o.account} />
        <Typography.Text copyable={{ text: o.external_number || o.external_id }}>{o.external_number || o.external_id}</Typography.Text>
        <HoldTags row={o} />
      </Flex>
      {o.cancel_request && <CancelRequest o={o} />}
      {(o.requires?.length ?? 0) > 0 && <Alert type="warning" showIcon title={t('order.requires')} description={o.requires?.join('; ')} />}
      {(o.discrepancies?.length ?? 0) > 0 && <Alert type="warning" showIcon title={t('order.discrepancies')} description={o.discrepancies?.map((d) => <div key={d}>{said(d)}</div>)} />}
      {(o.drift?.length ?? 0) > 0 && <Alert type="info" showIcon title={t('order.drift')} description={o.drift?.map((d) => `${d.field}: ${d.word}`).join(', ')} />}
      {o.cancellation && <Cancelled o={o} />}
      <Actions o={o} />
      <Marks o={o} />
      {wide ? (
        <div style={{ display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) 300px', gap: 20, alignItems: 'start' }}>
          <Flex vertical gap={18} style={{ minWidth: 0 }}>{goods}{history}</Flex>
          <Flex vertical gap={18} style={{ minWidth: 0 }}><Deadlines o={o} />{facts}</Flex>
        </div>
      ) : <><Deadlines o={o} />{goods}{facts}{history}</>}
    </Flex>
  );
}

function Cancelled({ o }: { o: CardData }) {
  const { t, word, said } = useText();
  const c = o.cancellation;
  const by = c?.by ? t('order.cancelledBy', { who: word('cancelBy', c.by) }) : t('order.cancelled');
  return <Alert type="info" showIcon title={by} description={[said(c?.reason) || c?.reason_code, c?.after_hand_over && t('order.afterHandOver')].filter(Boolean).join('. ') || undefined} />;
}

export function Section({ title, children, extra }: { title: string; children: ReactNode; extra?: ReactNode }) {
  return (
    <section style={{ minWidth: 0 }}>
      <Flex justify="space-between" align="center" style={{ marginBottom: 6 }}>
        <Typography.Title level={3} style={{ margin: 0, fontSize: 14 }}>{title}</Typography.Title>{extra}
      </Flex>
      {children}
    </section>
  );
}
