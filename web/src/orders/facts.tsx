// Who bought, where it goes, what was paid, and the rest.
import { Descriptions, Typography } from 'antd';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import type { CardData } from './card';

function Pairs({ of }: { of: [string, ReactNode][] }) {
  const { t } = useText();
  const known = of.filter(([, v]) => v !== undefined && v !== null && v !== '' && v !== false);
  if (known.length === 0) return <Typography.Text type="secondary">{t('order.notTold')}</Typography.Text>;
  return <Descriptions size="small" column={1} colon={false} styles={{ label: { width: 110, paddingBottom: 2 }, content: { paddingBottom: 2, overflowWrap: 'anywhere' } }} items={known.map(([label, children]) => ({ key: label, label, children }))} />;
}

export function Buyer({ o }: { o: CardData }) {
  const { t } = useText();
  const can = useCan();
  const f = useFormat();
  const b = o.buyer;
  const card = o.customer_id && can('customers.read') ? `/customers/${o.customer_id}` : undefined;
  return <Pairs of={[
    [t('buyer.erased'), f.full(o.erased_at)],
    [t('buyer.name'), card ? <Link to={card}>{b.name || t('buyer.card')}</Link> : b.name], [t('buyer.company'), [b.company, b.inn && `${t('buyer.inn')} ${b.inn}`, b.kpp && `${t('buyer.kpp')} ${b.kpp}`].filter(Boolean).join(', ')],
    [t('buyer.phone'), b.phone && <><Typography.Text copyable>{b.phone}</Typography.Text>{b.proxy_phone && <Typography.Text type="secondary"> ({t('buyer.proxy')})</Typography.Text>}</>],
    [t('buyer.email'), b.email], [t('buyer.comment'), o.comment],
  ]} />;
}

export function Shipping({ o }: { o: CardData }) {
  const { t } = useText();
  const f = useFormat();
  const s = o.shipping;
  return <Pairs of={[
    [t('ship.scheme'), o.scheme.toUpperCase()], [t('ship.by'), f.full(o.ship_by)], [t('ship.method'), s.method], [t('ship.carrier'), s.carrier],
    [t('ship.tracking'), s.tracking && <Typography.Text copyable>{s.tracking}</Typography.Text>],
    [t('ship.warehouse'), s.warehouse], [t('ship.address'), [s.city, s.address].filter(Boolean).join(', ')],
    [t('ship.window'), (s.deliver_from || s.deliver_to) && `${f.at(s.deliver_from)} – ${f.at(s.deliver_to)}`],
  ]} />;
}

export function Money({ o }: { o: CardData }) {
  const { t, word } = useText();
  const f = useFormat();
  return <Pairs of={[
    [t('money.total'), o.total && <Typography.Text strong className="num">{f.money(o.total)}</Typography.Text>],
    [t('money.delivery'), f.money(o.shipping.price)], [t('money.payment'), word('payment', o.payment)],
  ]} />;
}

export function Facts({ o }: { o: CardData }) {
  const { t } = useText();
  const f = useFormat();
  return <Pairs of={[
    [t('fact.placed'), f.full(o.placed_at)], [t('fact.received'), f.full(o.received_at)],
    [t('fact.native'), <span key="n" className="mono">{[o.native, o.native_sub].filter(Boolean).join(' / ')}</span>],
    [t('fact.externalId'), o.external_id !== o.external_number && <span className="mono">{o.external_id}</span>],
    [t('fact.group'), o.group && <span className="mono">{o.group}</span>], [t('fact.parent'), o.parent_id], [t('fact.siteOrder'), o.site_order_id],
    [t('fact.version'), String(o.version)],
  ]} />;
}
