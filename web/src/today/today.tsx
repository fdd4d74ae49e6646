// What needs a person now, how the day goes, and how fresh everything is.
import { useQuery } from '@tanstack/react-query';
import { Card, Flex, Segmented, Typography } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { Link } from 'react-router';
import { ChangeTimes } from '../accounts/times';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { Later } from '../shell/later';
import { usePace } from '../shell/live';
import { useCan } from '../shell/session';
import { Shown } from '../shell/state';
import { useWide } from '../shell/wide';
import { ChannelBadge } from '../shell/words';
import { useAccounts } from '../orders/query';

const Plots = lazy(() => import('./plots'));

export type Overview = Schemas['Overview'];
const hour = 3600_000;

export default function Today() {
  const { t } = useText();
  const can = useCan();
  const pace = usePace(10);
  const [days, setDays] = useState(1);
  const overview = useQuery({
    queryKey: ['overview', days],
    queryFn: ({ signal }) => {
      const to = Date.now();
      // Whole hours, so that the first bar is whole too.
      const from = Math.floor(to / hour) * hour - (days * 24 - 1) * hour;
      return ask(hub.GET('/api/v1/overview', { params: { query: { from: new Date(from).toISOString(), to: new Date(to).toISOString() } }, signal }));
    },
    refetchInterval: pace,
  });
  return (
    <div className="page">
      <Head title={t('nav.today')} />
      <Shown of={overview} rows={10}>
        {(o) => (
          <Flex vertical gap={14}>
            <Waiting o={o} />
            <Later>
              <Card size="small" title={<h2 style={{ margin: 0, fontSize: 14 }}>{t('today.plots')}</h2>} extra={<Segmented size="small" aria-label={t('today.span')} value={days} onChange={setDays} options={[{ value: 1, label: t('today.day') }, { value: 7, label: t('today.week') }]} />}>
                <Sums o={o} />
                <Suspense fallback={<div style={{ height: 260 }} />}><Plots o={o} days={days} /></Suspense>
              </Card>
              <Flex gap={14} wrap align="stretch">
                <Due o={o} />
                {can('accounts.read') && <Fresh />}
              </Flex>
            </Later>
          </Flex>
        )}
      </Shown>
    </div>
  );
}

function Waiting({ o }: { o: Overview }) {
  const { t } = useText();
  const f = useFormat();
  const wide = useWide();
  const w = o.waiting;
  const sum = (...holds: string[]) => holds.reduce((n, h) => n + (w.holds[h] ?? 0), 0);
  const tiles: [key: 'new' | 'ship' | 'late' | 'cancel' | 'short' | 'unmapped' | 'failed' | 'quarantine' | 'returns' | 'unmatched', n: number, to: string, alarm: boolean][] = [
    ['new', w.new, '/orders?status=new', false],
    ['ship', w.confirmed + w.packed, '/orders?status=confirmed&status=packed', false],
    ['late', w.late, '/orders?late=1', true],
    ['cancel', sum('cancel_request'), '/orders?hold=cancel_request', true],
    ['short', sum('short'), '/orders?hold=short', true],
    ['unmapped', sum('unmapped'), '/orders?hold=unmapped', true],
    ['failed', w.rejected + w.uncertain, w.uncertain ? '/troubles?view=uncertain' : '/troubles?view=rejected', true],
    ['quarantine', w.quarantine, '/troubles?view=quarantine', true],
    ['returns', w.returns, '/returns?view=received', false],
    ['unmatched', w.unmatched, '/listings?unmatched=1', false],
  ];
  const many = (n: number) => (n >= 10_000 ? `${f.number(10_000)}+` : f.number(n));
  return (
    <nav aria-label={t('today.waiting')} style={{ display: 'grid', gridTemplateColumns: wide ? 'repeat(auto-fill, minmax(168px, 1fr))' : '1fr 1fr', gap: 10 }}>
      {tiles.map(([key, n, to, alarm]) => (
        <Link key={key} to={to} className="tile">
          <Card size="small" hoverable styles={{ body: { padding: '10px 14px' } }}>
            <Typography.Text className="num" type={alarm && n > 0 ? 'danger' : n === 0 ? 'secondary' : undefined} style={{ fontSize: 24, fontWeight: 600, display: 'block', lineHeight: 1.2 }}>{many(n)}</Typography.Text>
            <Typography.Text type="secondary">{t(`today.${key}`)}</Typography.Text>
          </Card>
        </Link>
      ))}
    </nav>
  );
}

function Sums({ o }: { o: Overview }) {
  const { t } = useText();
  const f = useFormat();
  const orders = o.hours.reduce((n, h) => n + h.orders, 0);
  const cancelled = o.hours.reduce((n, h) => n + h.cancelled, 0);
  const money = new Map<string, number>();
  for (const h of o.hours) if (h.revenue) money.set(h.revenue.currency, (money.get(h.revenue.currency) ?? 0) + h.revenue.minor);
  return (
    <Flex gap={28} wrap style={{ marginBottom: 8 }}>
      <span><Typography.Text type="secondary">{t('today.orders')}</Typography.Text> <Typography.Text strong className="num">{f.number(orders)}</Typography.Text></span>
      <span><Typography.Text type="secondary">{t('today.cancelled')}</Typography.Text> <Typography.Text strong className="num">{f.number(cancelled)}</Typography.Text></span>
      <span><Typography.Text type="secondary">{t('today.revenue')}</Typography.Text> <Typography.Text strong className="num">{[...money].map(([currency, minor]) => f.money({ currency, minor })).join(' + ') || '–'}</Typography.Text></span>
    </Flex>
  );
}

// Due shows the deadlines of the next day, hour by hour.
function Due({ o }: { o: Overview }) {
  const { t } = useText();
  const f = useFormat();
  const due = o.waiting.due;
  const most = Math.max(1, ...due);
  const total = due.reduce((a, b) => a + b, 0);
  const at = (h: number) => new Date(Date.parse(o.to) + h * hour).toLocaleTimeString(f.locale, { hour: '2-digit', minute: '2-digit' });
  return (
    <Card size="small" style={{ flex: '2 1 300px', minWidth: 0, maxWidth: '100%' }} title={<h2 style={{ margin: 0, fontSize: 14 }}>{t('today.due', { count: total })}</h2>}>
      <ol style={{ listStyle: 'none', margin: 0, padding: 0, display: 'flex', gap: 3, alignItems: 'flex-end', height: 130 }}>
        {due.map((n, h) => (
          <li key={h} title={t('today.dueHour', { from: at(h), to: at(h + 1), count: n })} style={{ flex: 1, display: 'flex', flexDirection: 'column', justifyContent: 'flex-end', alignItems: 'center', height: '100%', minWidth: 0 }}>
            <span className="num" style={{ fontSize: 11 }}>{n || ''}</span>
            <span aria-hidden style={{ width: '100%', height: `${Math.max(2, (n / most) * 85)}px`, background: n === 0 ? 'rgba(128,128,128,.25)' : h < 2 ? '#d4504f' : '#5b8def', borderRadius: 3 }} />
            <span style={{ fontSize: 10, visibility: h % 4 ? 'hidden' : 'visible', whiteSpace: 'nowrap' }}>{at(h)}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Fresh() {
  const { t } = useText();
  const f = useFormat();
  const accounts = useAccounts(5);
  return (
    <Card size="small" style={{ flex: '1 1 300px', minWidth: 0, maxWidth: '100%' }} title={<h2 style={{ margin: 0, fontSize: 14 }}>{t('today.fresh')}</h2>}>
      <Shown of={accounts} rows={3}>
        {(list) => (
          <Flex vertical gap={6}>
            {list.map((a) => {
              const known = a.feeds.filter((x) => x.confirmed_at);
              const late = a.feeds.some((x) => x.late) || a.health.class !== undefined;
              const parts = [known.length ? t('today.read', { span: f.span(Math.max(0, ...known.map((x) => x.lag_seconds))) }) : '', a.stock?.measured ? t('today.shown', { span: f.span(a.stock.mean_seconds) }) : '', a.state === 'paused' ? t('account.paused') : ''];
              return (
                <div key={a.id}>
                  <Flex justify="space-between" gap={12} wrap>
                    <Link to={`/accounts/${a.id}`} style={{ color: 'inherit' }}><ChannelBadge channel={a.channel} account={a.name || a.id} /></Link>
                    <Typography.Text type={late ? 'danger' : 'secondary'} className="num">{parts.filter(Boolean).join(', ') || t('today.pushed')}</Typography.Text>
                  </Flex>
                  {a.changes && <ChangeTimes of={a.changes} />}
                </div>
              );
            })}
          </Flex>
        )}
      </Shown>
    </Card>
  );
}
