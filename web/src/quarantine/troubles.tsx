// What went wrong and waits for a person: effects, answers in quarantine, unknown
// words.
import { useQuery } from '@tanstack/react-query';
import { Flex, Segmented, Select, Table, Typography } from 'antd';
import { Link, useSearchParams } from 'react-router';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown } from '../shell/state';
import { Ago, ChannelBadge } from '../shell/words';
import { Effects } from '../orders/effects';
import { useAccounts } from '../orders/query';
import { Quarantine } from './quarantine';

const every = ['uncertain', 'rejected', 'quarantine', 'open', 'drift'] as const;
type View = (typeof every)[number];

export default function Troubles() {
  const { t } = useText();
  const can = useCan();
  const views = every.filter((v) => v !== 'quarantine' || can('inbox.read'));
  const [params, setParams] = useSearchParams();
  const view = (views.find((v) => v === params.get('view')) ?? (params.get('account') && can('inbox.read') ? 'quarantine' : 'uncertain')) as View;
  const account = params.get('account') ?? undefined;
  const accounts = useAccounts();
  const set = (k: string, v: string | undefined) => setParams((p) => { if (v) p.set(k, v); else p.delete(k); return p; });
  return (
    <div className="page">
      <Head title={t('nav.troubles')} />
      <Flex gap={8} wrap style={{ marginBottom: 10 }}>
        <div style={{ overflowX: 'auto' }} tabIndex={-1}><Segmented aria-label={t('orders.presets')} value={view} onChange={(v) => set('view', v)} options={views.map((v) => ({ value: v, label: t(`troubles.${v}`) }))} /></div>
        {view !== 'drift' && <Select allowClear value={account} placeholder={t('col.account')} aria-label={t('col.account')} style={{ minWidth: 170 }} onChange={(v?: string) => set('account', v)}
          options={(accounts.data ?? []).map((a) => ({ value: a.id, label: <ChannelBadge channel={a.channel} account={a.name || a.id} /> }))} />}
      </Flex>
      <Typography.Paragraph type="secondary">{t(`troubles.${view}Hint`)}</Typography.Paragraph>
      {view === 'quarantine' ? <Quarantine account={account} /> : view === 'drift' ? <Drift /> : <Owed view={view} account={account} />}
    </div>
  );
}

function Owed({ view, account }: { view: 'uncertain' | 'rejected' | 'open'; account?: string }) {
  const { t } = useText();
  const state = view === 'open' ? 'sent' : view;
  const list = usePages(['effects', view, account], async (before: number | undefined, signal) => {
    const page = await ask(hub.GET('/api/v1/effects', { params: { query: { state, account, before, limit: 50 } }, signal }));
    if (view !== 'open' || before) return page;
    // Those on their way are in three states; the first two are few.
    const rest = await Promise.all((['intent', 'accepted'] as const).map((s) => ask(hub.GET('/api/v1/effects', { params: { query: { state: s, account, limit: 50 } }, signal }))));
    return { ...page, effects: [...rest.flatMap((r) => r.effects), ...page.effects] };
  }, (p) => p.before || undefined);
  return (
    <>
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.effects);
        return rows.length === 0 ? <Nothing text={t('troubles.none')} /> : <Effects effects={rows} orders />;
      }}</Shown>
      <More of={list} />
    </>
  );
}

function Drift() {
  const { t } = useText();
  const f = useFormat();
  const drift = useQuery({ queryKey: ['drift'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/drift', { signal })) });
  return (
    <Shown of={drift}>
      {({ words }) => words.length === 0 ? <Nothing text={t('troubles.none')} /> : (
        <Table size="small" rowKey={(w) => `${w.account}${w.field}${w.word}`} pagination={false} dataSource={words} scroll={{ x: 'max-content' }} columns={[
          { title: t('col.account'), dataIndex: 'account' }, { title: t('troubles.field'), dataIndex: 'field', render: (v: string) => <span className="mono">{v}</span> },
          { title: t('troubles.word'), dataIndex: 'word', render: (v: string) => <span className="mono">{v}</span> },
          { title: t('troubles.count'), dataIndex: 'count', align: 'right', render: (n: number) => f.number(n) },
          { title: t('troubles.last'), key: 'last', render: (_, w) => <Ago at={w.last_at} /> },
          { title: t('col.number'), key: 'n', render: (_, w) => w.number > 0 && <Link to={`/orders/${w.number}`}>{w.number}</Link> },
        ]} />
      )}
    </Shown>
  );
}
