// What the channels offer, and which product of ours each offer is. The queue of
// those without one is worked with one key each.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Input, Popconfirm, Segmented, Select, Table, Typography } from 'antd';
import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Picture } from '../shell/picture';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { ChannelBadge, Chip } from '../shell/words';
import { useAccounts } from '../orders/query';
import { typing } from '../orders/table';
import { Choose } from './choose';

type Listing = Schemas['ListingView'];

export default function Listings() {
  const { t } = useText();
  const can = useCan();
  const [params, setParams] = useSearchParams();
  const unmatched = params.get('unmatched') !== '0';
  const q = params.get('q') ?? undefined;
  const account = params.getAll('account');
  const accounts = useAccounts();
  const list = usePages(['listings', unmatched, q, account], (after: number | undefined, signal) => ask(hub.GET('/api/v1/listings', { params: { query: { unmatched: unmatched || undefined, q, account: account.length ? account : undefined, after, limit: 100 } }, signal })), (p) => p.after || undefined, 15);
  const set = (change: (p: URLSearchParams) => void) => setParams((p) => { change(p); return p; }, { replace: true });
  const rows = (list.data?.pages ?? []).flatMap((p) => p.listings);
  return (
    <div className="page">
      <Head title={t('nav.listings')} />
      <Flex gap={8} wrap align="center" style={{ marginBottom: 10 }}>
        <Segmented aria-label={t('orders.presets')} value={unmatched ? '1' : '0'} onChange={(v) => set((p) => p.set('unmatched', v))} options={[{ value: '1', label: t('listings.unmatched') }, { value: '0', label: t('listings.all') }]} />
        <Input.Search key={q} defaultValue={q} allowClear placeholder={t('listings.search')} aria-label={t('listings.search')} maxLength={200} style={{ maxWidth: 320 }} onSearch={(v) => set((p) => (v.trim() ? p.set('q', v.trim()) : p.delete('q')))} />
        <Select mode="multiple" value={account} placeholder={t('col.account')} aria-label={t('col.account')} allowClear style={{ minWidth: 180 }} onChange={(v: string[]) => set((p) => { p.delete('account'); v.forEach((a) => p.append('account', a)); })}
          options={(accounts.data ?? []).map((a) => ({ value: a.id, label: <ChannelBadge channel={a.channel} account={a.name || a.id} /> }))} />
        {unmatched && can('products.manage') && rows.length > 0 && <Typography.Text type="secondary">{t('listings.keys')}</Typography.Text>}
      </Flex>
      <Shown of={list} rows={10}>
        {() => rows.length === 0
          ? (unmatched && !q ? <Nothing text={t('listings.done')} hint={t('listings.doneHint')} /> : <Nothing text={q ? t('products.noneFiltered') : t('listings.none')} hint={q ? undefined : t('listings.noneHint')} />)
          : <Queue rows={rows} unmatched={unmatched} />}
      </Shown>
      <More of={list} />
    </div>
  );
}

function Queue({ rows, unmatched }: { rows: Listing[]; unmatched: boolean }) {
  const { t, word } = useText();
  const can = useCan();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [at, setAt] = useState<number>();
  const accounts = useAccounts();
  const channel = (a: string) => accounts.data?.find((x) => x.id === a)?.channel ?? '';
  const fresh = () => void client.invalidateQueries({ queryKey: ['listings'] });
  const link = useMutation({
    mutationFn: (v: { id: number; sku: string }) => ask(hub.POST('/api/v1/listings/{id}/link', { params: { path: { id: v.id } }, body: { sku: v.sku } })),
    onSuccess: (_, v) => {
      const i = rows.findIndex((r) => r.id === v.id);
      setAt(rows[i + 1]?.id ?? rows[i - 1]?.id);
      done(t('listings.linked', { sku: v.sku }));
    },
    onError: failed, onSettled: fresh,
  });
  const unlink = useMutation({ mutationFn: (id: number) => ask(hub.DELETE('/api/v1/listings/{id}/link', { params: { path: { id } } })), onError: failed, onSettled: fresh });
  const work = can('products.manage');
  const { mutate, isPending } = link;
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (typing(e) || !work) return;
      const i = rows.findIndex((r) => r.id === at);
      const go = (to: number) => {
        const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
        setAt(row?.id);
        document.querySelector(`[data-row-key="${row?.id}"]`)?.scrollIntoView({ block: 'nearest' });
      };
      if (e.key === 'j') return go(i + 1);
      if (e.key === 'k') return go(i < 0 ? 0 : i - 1);
      const nth = e.key === 'Enter' ? 1 : Number(e.key);
      if (!(nth >= 1 && nth <= 5) || isPending || (e.target as HTMLElement).closest('a, button')) return;
      const row = rows[i];
      const chosen = row?.suggestions?.[nth - 1];
      if (row && chosen) mutate({ id: row.id, sku: chosen.sku });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [rows, at, work, mutate, isPending]);
  return (
    <Table<Listing> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} rowClassName={(r) => (r.id === at ? 'row-at' : '')} onRow={(r) => ({ onClick: () => setAt(r.id) })}
      columns={[
        { title: t('col.account'), key: 'account', width: 150, render: (_, l) => <ChannelBadge channel={channel(l.account)} account={l.account} /> },
        { title: t('listings.name'), key: 'name', render: (_, l) => <Flex gap={10}><Picture path={l.picture_path} name={l.name || l.key} /><div style={{ minWidth: 180, maxWidth: 380 }}>{l.name || l.key}<div><Typography.Text type="secondary" className="mono">{[l.article, l.key, ...(l.barcodes ?? []).slice(0, 1)].filter(Boolean).join(' · ')}</Typography.Text></div></div></Flex> },
        {
          title: t('listings.product'), key: 'product', render: (_, l) => {
            if (l.sku) return <Flex gap={8} align="center"><Link to={`/stock/${encodeURIComponent(l.sku)}`}>{l.sku}</Link><Typography.Text type="secondary">{word('linkedBy', l.linked_by)}</Typography.Text></Flex>;
            if (!work) return null;
            return (
              <Flex gap={6} wrap align="center">
                {l.suggestions?.slice(0, 5).map((s, i) => (
                  <Button key={s.sku} size="small" type={i === 0 ? 'primary' : 'default'} ghost={i === 0} disabled={isPending} title={word('listings.why', s.why)} onClick={() => mutate({ id: l.id, sku: s.sku })}>
                    {i + 1}. {s.sku} {s.name && s.name !== s.sku ? `· ${s.name.slice(0, 40)}` : ''}
                  </Button>
                ))}
                <Choose small onChoose={(sku) => mutate({ id: l.id, sku })} />
              </Flex>
            );
          },
        },
        ...(unmatched ? [] : [{
          title: '', key: 'act', width: 110, render: (_: unknown, l: Listing) => l.sku && work && (
            <Popconfirm title={t('listings.unlinkAsk')} description={t('listings.unlinkHint')} onConfirm={() => unlink.mutate(l.id)} okText={t('listings.unlink')}><Button type="link" size="small">{t('listings.unlink')}</Button></Popconfirm>
          ),
        }]),
        { title: '', key: 'live', width: 40, render: (_, l) => (l.live ? null : <Chip colour="grey">{t('products.archived')}</Chip>) },
      ]} />
  );
}
