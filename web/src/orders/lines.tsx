// The goods of an order: as the channel sold them, what the warehouse has for
// them, and the other orders of the purchase.
import { Flex, Table, Typography } from 'antd';
import { Link } from 'react-router';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { Picture } from '../shell/picture';
import { useCan } from '../shell/session';
import { ChannelBadge, Chip, StatusTag } from '../shell/words';
import { Section, type CardData } from './card';

type Line = CardData['lines'][number];

export function Lines({ o, wide }: { o: CardData; wide: boolean }) {
  const { t } = useText();
  const f = useFormat();
  const money = (m: Line['total']) => <span className="num nowrap">{f.money(m)}</span>;
  return (
    <Table<Line> size="small" pagination={false} rowKey={(l) => `${l.id ?? ''}:${l.sku}:${l.listing_key ?? ''}`} dataSource={o.lines} scroll={wide ? { x: 'max-content' } : undefined}
      columns={[
        { title: t('line.name'), key: 'name', render: (_, l) => <Name l={l} /> },
        ...(wide ? [
          { title: t('line.quantity'), dataIndex: 'quantity', align: 'right' as const, width: 70, render: (n: number) => <span className="num">{f.number(n)}</span> },
          { title: t('line.price'), key: 'price', align: 'right' as const, width: 100, render: (_: unknown, l: Line) => money(l.unit_price) },
          { title: t('line.total'), key: 'total', align: 'right' as const, width: 110, render: (_: unknown, l: Line) => money(l.total) },
        ] : [{
          title: t('line.total'), key: 'total', align: 'right' as const, width: 130,
          render: (_: unknown, l: Line) => <>{money(l.total)}<div><Typography.Text type="secondary" className="num nowrap" style={{ fontSize: 12 }}>{f.number(l.quantity)} × {f.money(l.unit_price)}</Typography.Text></div></>,
        }]),
      ]}
    />
  );
}

function Name({ l }: { l: Line }) {
  const { t } = useText();
  const can = useCan();
  const stock = (sku: string) => (can('stock.read') ? <Link to={`/stock/${encodeURIComponent(sku)}`} className="mono">{sku}</Link> : <Typography.Text type="secondary" className="mono">{sku}</Typography.Text>);
  const name = l.name || l.product_name;
  return (
    <Flex gap={10} align="flex-start">
      <Picture path={l.picture} name={name || l.sku} />
      <div style={{ maxWidth: 380, overflowWrap: 'anywhere' }}>
        {name && <div>{name}</div>}
        <Flex gap="2px 8px" wrap>
          {l.product === l.sku ? stock(l.sku) : <Typography.Text type={name ? 'secondary' : undefined} className="mono">{l.sku}</Typography.Text>}
          {l.product && l.product !== l.sku && stock(l.product)}
          {!l.product && <Link to={`/listings?unmatched=1&q=${encodeURIComponent(l.listing_key ?? l.sku)}`}><Chip colour="orange">{t('line.unmapped')}</Chip></Link>}
        </Flex>
      </div>
    </Flex>
  );
}

export function Goods({ o }: { o: CardData }) {
  const { t } = useText();
  const f = useFormat();
  const column = (key: 'needed' | 'reserved' | 'consumed' | 'returned') => ({
    title: t(`goods.${key}`), dataIndex: key, align: 'right' as const, width: 92, render: (n: number) => <span className="num">{n ? f.number(n) : '–'}</span>,
  });
  return (
    <Table size="small" pagination={false} rowKey="sku" dataSource={o.goods} scroll={{ x: 'max-content' }}
      columns={[
        { title: t('goods.sku'), dataIndex: 'sku', render: (sku: string) => <Link to={`/stock/${encodeURIComponent(sku)}`} className="mono">{sku}</Link> },
        column('needed'), column('reserved'),
        { title: t('goods.short'), dataIndex: 'short', align: 'right', width: 92, render: (n: number) => (n ? <Typography.Text type="danger" strong className="num">{f.number(n)}</Typography.Text> : '–') },
        column('consumed'), column('returned'),
      ]}
    />
  );
}

export function Siblings({ o, onOpen }: { o: CardData; onOpen: (n: number) => void }) {
  const { t, word } = useText();
  const f = useFormat();
  return (
    <>
      {o.siblings.length > 0 && (
        <Section title={t('order.siblings')}>
          <Flex vertical gap={4}>
            {o.siblings.map((s) => (
              <Flex key={s.number} gap={10} align="center" wrap>
                <Link to={`/orders/${s.number}`} onClick={(e) => { e.preventDefault(); onOpen(s.number); }} className="num">{s.number}</Link>
                <ChannelBadge channel={s.channel} account={s.account} /><StatusTag status={s.status} requested={s.requested} />
                <Typography.Text ellipsis style={{ maxWidth: 260 }}>{s.first_line}{s.line_count > 1 && ` +${s.line_count - 1}`}</Typography.Text>
                <span className="num">{t('orders.units', { count: s.units })} · {f.money(s.total)}</span>
              </Flex>
            ))}
          </Flex>
        </Section>
      )}
      {o.returns.length > 0 && (
        <Section title={t('nav.returns')}>
          <Flex vertical gap={4}>
            {o.returns.map((r) => (
              <Flex key={r.id} gap={10} align="center" wrap>
                <Link to={`/returns/${r.id}`} className="num">{t('return.title', { id: r.id })}</Link>
                <Chip colour="grey">{word('returnState', r.state)}</Chip><span>{word('returnKind', r.kind)}</span>
                <Typography.Text type="secondary">{r.reason}</Typography.Text>
              </Flex>
            ))}
          </Flex>
        </Section>
      )}
    </>
  );
}
