// Goods that come back: to answer, to receive, to decide.
import { Flex, Segmented, Select, Table, Typography } from 'antd';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Nothing, Shown } from '../shell/state';
import { Ago, ChannelBadge, Chip, Deadline, type Colour } from '../shell/words';
import { useAccounts } from '../orders/query';
import { ReturnDrawer } from './card';

const presets = { open: { open: true }, waiting: { waiting: true, open: true }, dueSoon: { open: true }, received: { state: 'received' }, pickup: { state: 'at_pickup' }, all: {} } as const;
type Preset = keyof typeof presets;

export const returnColour: Record<string, Colour> = { announced: 'grey', on_the_way: 'blue', at_pickup: 'amber', received: 'orange', decided: 'green', closed: 'grey' };

export default function Returns() {
  const { t, word } = useText();
  const f = useFormat();
  const { id } = useParams();
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const search = params.toString();
  const view = (params.get('view') ?? 'open') as Preset;
  const account = params.get('account') ?? undefined;
  const accounts = useAccounts();
  const list = usePages(['returns', view, account], (before: number | undefined, signal) => ask(hub.GET('/api/v1/returns', { params: { query: { ...(presets[view] ?? {}), due_before: view === 'dueSoon' ? new Date(Date.now() + 48 * 3600_000).toISOString() : undefined, account, before, limit: 50 } }, signal })), (p) => p.before || undefined);
  const set = (k: string, v: string | undefined) => setParams((p) => { if (v) p.set(k, v); else p.delete(k); return p; });
  return (
    <div className="page">
      <Head title={t('nav.returns')} />
      <Flex gap={8} wrap style={{ marginBottom: 10 }}>
        <div style={{ overflowX: 'auto' }} tabIndex={-1}><Segmented aria-label={t('orders.presets')} value={view} onChange={(v) => set('view', v)} options={(Object.keys(presets) as Preset[]).map((k) => ({ value: k, label: t(`returns.${k}`) }))} /></div>
        <Select allowClear value={account} placeholder={t('col.account')} aria-label={t('col.account')} style={{ minWidth: 170 }} onChange={(v?: string) => set('account', v)}
          options={(accounts.data ?? []).map((a) => ({ value: a.id, label: <ChannelBadge channel={a.channel} account={a.name || a.id} /> }))} />
      </Flex>
      <Shown of={list} rows={8}>
        {({ pages }) => {
          const rows = pages.flatMap((p) => p.returns);
          if (rows.length === 0) return <Nothing text={t('returns.none')} hint={view === 'all' ? t('returns.noneHint') : undefined} />;
          return (
            <Table size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} rowClassName="clickable" onRow={(r) => ({ onClick: () => void go({ pathname: `/returns/${r.id}`, search }) })}
              columns={[
                { title: t('returns.id'), key: 'id', width: 60, render: (_, r) => <Link className="num" to={{ pathname: `/returns/${r.id}`, search }} onClick={(e) => e.stopPropagation()}>{r.id}</Link> },
                { title: t('col.account'), key: 'account', width: 140, render: (_, r) => <ChannelBadge channel={r.channel} account={r.account} /> },
                { title: t('col.status'), key: 'state', width: 130, render: (_, r) => <Flex gap={4} wrap><Chip colour={returnColour[r.state] ?? 'grey'}>{word('returnState', r.state)}</Chip>{r.waiting && r.state !== 'closed' && <Chip colour="red">{t('returns.answerNow')}</Chip>}</Flex> },
                { title: t('returns.kind'), key: 'kind', width: 220, render: (_, r) => <div style={{ maxWidth: 220, whiteSpace: 'normal' }}>{word('returnKind', r.kind)}{r.reason && <div><Typography.Text type="secondary" style={{ fontSize: 12 }}>{r.reason}</Typography.Text></div>}</div> },
                { title: t('returns.until'), key: 'until', width: 110, render: (_, r) => <><Deadline at={r.deadline} status={r.state === 'closed' ? 'delivered' : 'new'} />{r.due && <div><Typography.Text type="secondary" style={{ fontSize: 12 }}>{word('due', r.due)}</Typography.Text></div>}</> },
                { title: t('col.number'), key: 'order', width: 100, render: (_, r) => (r.number ? <Link className="num" to={`/orders/${r.number}`} onClick={(e) => e.stopPropagation()}>{r.number}</Link> : <Chip colour="orange">{t('returns.noOrderShort')}</Chip>) },
                { title: t('col.units'), key: 'units', align: 'right', width: 90, render: (_, r) => <span className="num nowrap">{r.awaited ? t('returns.partly', { here: r.units_here, units: r.units }) : r.units}</span> },
                { title: t('returns.refund'), key: 'refund', align: 'right', width: 110, render: (_, r) => <span className="num nowrap">{f.money(r.refund)}</span> },
                { title: t('returns.since'), key: 'since', width: 110, render: (_, r) => <Ago at={r.opened_at ?? r.created_at} /> },
              ]} />
          );
        }}
      </Shown>
      <More of={list} />
      {id && <ReturnDrawer key={id} id={Number(id)} onClose={() => void go({ pathname: '/returns', search })} />}
    </div>
  );
}
