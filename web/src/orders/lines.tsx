// The goods of an order: as the channel sold them, what the warehouse has for
// them, and the other orders of the purchase.
import { Flex, Table, Typography } from 'antd';
import { Link } from 'react-router';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { ChannelBadge, Chip, StatusTag } from '../shell/words';
import { Section, type CardData } from './card';

export function Lines({ o }: { o: CardData }) {
  const { t } = useText();
  const f = useFormat();
  return (
    <Table size="small" pagination={false} rowKey={(l) => `${l.id ?? ''}:${l.sku}:${l.listing_key ?? ''}`} dataSource={o.lines} scroll={{ x: 'max-content' }}
      columns={[
        {
          title: t('line.name'), key: 'name', render: (_, l) => (
            <div style={{ minWidth: 160, maxWidth: 380 }}>
              <div>{l.name || l.sku}</div>
              <Typography.Text type="secondary" className="mono">{l.sku}</Typography.Text>
              {' '}{l.product ? (l.product !== l.sku && <Link to={`/stock/${encodeURIComponent(l.product)}`}>{l.product}</Link>) : <Link to={`/listings?unmatched=1&q=${encodeURIComponent(l.listing_key ?? l.sku)}`}><Chip colour="orange">{t('line.unmapped')}</Chip></Link>}
            </div>
          ),
        },
        { title: t('line.quantity'), dataIndex: 'quantity', align: 'right', width: 70, render: (n: number) => <span className="num">{f.number(n)}</span> },
        { title: t('line.price'), key: 'price', align: 'right', width: 100, render: (_, l) => <span className="num nowrap">{f.money(l.unit_price)}</span> },
        { title: t('line.total'), key: 'total', align: 'right', width: 110, render: (_, l) => <span className="num nowrap">{f.money(l.total)}</span> },
      ]}
    />
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
