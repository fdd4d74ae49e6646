// Is every order here? What the channels list against what the hub holds, day by
// day, and the means to close a gap.
import { DiffOutlined, ReloadOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Checkbox, Collapse, Flex, Select, Table, Typography } from 'antd';
import type { ColumnsType } from 'antd/es/table';
import { lazy, Suspense, useState } from 'react';
import { useSearchParams } from 'react-router';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown } from '../shell/state';
import { useWide } from '../shell/wide';
import { Ago, ChannelBadge, Chip } from '../shell/words';
import { useAccounts } from '../orders/query';
import type { Account } from '../accounts/accounts';
import { Orders } from './day';
import { Progress } from './progress';
import { daysAgo, useRun, type Day } from './run';
import { Verdict } from './verdict';

const Asking = lazy(() => import('./asking'));

export default function Audits() {
  const { t } = useText();
  const can = useCan();
  const [params, setParams] = useSearchParams();
  const account = params.get('account') ?? undefined;
  const gaps = params.get('gaps') === '1';
  const accounts = useAccounts();
  const busy = useRun()?.state === 'running';
  const [asking, setAsking] = useState<'compare' | 'read'>();
  const comparable = (accounts.data ?? []).filter((a) => a.lists_days || a.reads_orders);
  const recent = useQuery({
    queryKey: ['audits', 'recent'], refetchInterval: 60_000,
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/audits', { params: { query: { limit: 400 } }, signal })), select: (l) => l.days.filter((d) => d.day >= daysAgo(7)),
  });
  const set = (k: string, v: string | undefined) => setParams((p) => { if (v) p.set(k, v); else p.delete(k); return p; });
  return (
    <div className="page">
      <Head title={t('nav.audits')}>
        {can('accounts.manage') && comparable.length > 0 && (
          <>
            <Button type="primary" icon={<DiffOutlined />} disabled={busy} onClick={() => setAsking('compare')}>{t('proof.compare')}</Button>
            <Button icon={<ReloadOutlined />} disabled={busy} onClick={() => setAsking('read')}>{t('proof.read')}</Button>
          </>
        )}
      </Head>
      <Progress accounts={accounts.data ?? []} />
      <Shown of={accounts} rows={2}>{(list) => list.length === 0 ? <Nothing text={t('account.none')} hint={t('account.noneHint')} /> : (
        <>
          <Shown of={recent} rows={2}>{(days) => <Verdict accounts={list} days={days} />}</Shown>
          <Meaning />
          <Flex gap={12} wrap align="center" style={{ margin: '10px 0' }}>
            <Select allowClear value={account} placeholder={t('col.account')} aria-label={t('col.account')} style={{ minWidth: 190 }} onChange={(v?: string) => set('account', v)}
              options={list.map((a) => ({ value: a.id, label: <ChannelBadge channel={a.channel} account={a.name || a.id} /> }))} />
            <Checkbox checked={gaps} onChange={(e) => set('gaps', e.target.checked ? '1' : undefined)}>{t('proof.gapsOnly')}</Checkbox>
          </Flex>
          <Days account={account} gaps={gaps} accounts={list} />
        </>
      )}</Shown>
      {asking && <Suspense><Asking what={asking} accounts={comparable} chosen={account} onClose={() => setAsking(undefined)} /></Suspense>}
    </div>
  );
}

// Meaning says what each figure is, for whoever reads them the first time.
function Meaning() {
  const { t } = useText();
  const f = useFormat();
  const noon = new Date(`${daysAgo(1)}T00:00:00Z`);
  const rows = (['theirs', 'held', 'lacking', 'extra', 'at'] as const).map((k) => [t(`proof.${k}`), t(`proof.help.${k}`)]);
  return (
    <Collapse ghost size="small" items={[{
      key: 'm', label: t('proof.meaning'), children: (
        <dl style={{ display: 'grid', gridTemplateColumns: 'max-content minmax(0, 1fr)', gap: '4px 16px', margin: 0, maxWidth: 900 }}>
          {rows.flatMap(([k, v]) => [<dt key={`${k}t`}><Typography.Text strong>{k}</Typography.Text></dt>, <dd key={`${k}d`} style={{ margin: 0 }}>{v}</dd>])}
          <dt><Typography.Text strong>{t('proof.day')}</Typography.Text></dt><dd style={{ margin: 0 }}>{t('proof.help.day', { at: f.clock(noon) })}</dd>
        </dl>
      ),
    }]} />
  );
}

function Days({ account, gaps, accounts }: { account?: string; gaps: boolean; accounts: Account[] }) {
  const { t } = useText();
  const wide = useWide();
  const list = usePages(['audits', account, gaps], (after: string | undefined, signal) => ask(hub.GET('/api/v1/audits', { params: { query: { account, gaps: gaps || undefined, after } }, signal })), (p) => p.after || undefined, 60);
  const columns = useColumns(accounts, wide);
  return (
    <>
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.days);
        if (rows.length === 0) return gaps ? <Nothing text={t('proof.noGaps')} /> : <Nothing text={t('proof.none')} hint={t('proof.noneHint')} />;
        return (
          <Table<Day> size="small" rowKey={(d) => `${d.account}/${d.day}`} pagination={false} dataSource={rows} columns={columns} scroll={wide ? { x: 'max-content' } : undefined} tableLayout={wide ? 'auto' : 'fixed'}
            expandable={{ expandedRowRender: (d) => <Orders day={d} wide={wide} account={accounts.find((a) => a.id === d.account)} />, columnWidth: 36, expandRowByClick: true }} />
        );
      }}</Shown>
      <More of={list} />
    </>
  );
}

/** Result says in a word how a day stands. */
function Result({ day, short }: { day: Day; short?: boolean }) {
  const { t } = useText();
  if (day.lacking > 0) return <Chip colour="red">{short ? t('proof.lacking') : t('proof.gap')}</Chip>;
  return day.missing.length > 0 ? <Chip colour="cyan">{t('proof.closed')}</Chip> : <Chip colour="green">{t('proof.complete')}</Chip>;
}

function useColumns(accounts: Account[], wide: boolean): ColumnsType<Day> {
  const { t } = useText();
  const f = useFormat();
  const badge = (d: Day) => {
    const a = accounts.find((x) => x.id === d.account);
    return a ? <ChannelBadge channel={a.channel} account={a.name || a.id} /> : d.account;
  };
  const num = (n: number, alarm?: boolean) => <Typography.Text className="num" type={alarm && n > 0 ? 'danger' : undefined} strong={alarm && n > 0}>{f.number(n)}</Typography.Text>;
  const day = (d: Day) => <span className="nowrap">{f.calendar(d.day)}</span>;
  if (!wide) {
    return [
      { title: t('proof.day'), key: 'day', render: (_, d) => <><div>{day(d)}</div>{badge(d)}</> },
      { title: t('proof.short'), key: 'n', align: 'right', width: 92, render: (_, d) => <span className="num nowrap">{f.number(d.theirs - d.lacking)} / {f.number(d.theirs)}</span> },
      { title: t('proof.result'), key: 'r', align: 'right', width: 122, render: (_, d) => <Result day={d} short /> },
    ];
  }
  return [
    { title: t('proof.day'), key: 'day', width: 170, render: (_, d) => day(d) },
    { title: t('col.account'), key: 'account', width: 200, render: (_, d) => badge(d) },
    { title: <span className="nowrap">{t('proof.theirs')}</span>, key: 'theirs', align: 'right', width: 130, render: (_, d) => num(d.theirs) },
    { title: t('proof.held'), key: 'held', align: 'right', width: 120, render: (_, d) => num(d.theirs - d.lacking) },
    { title: t('proof.lacking'), key: 'lacking', align: 'right', width: 110, render: (_, d) => num(d.lacking, true) },
    { title: t('proof.extra'), key: 'extra', align: 'right', width: 120, render: (_, d) => num(d.extra.length) },
    { title: t('proof.result'), key: 'r', width: 150, render: (_, d) => <Result day={d} /> },
    { title: t('proof.at'), key: 'at', render: (_, d) => <Ago at={d.at} /> },
  ];
}
