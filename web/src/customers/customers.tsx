// Buyers over all channels: find one, see who may be one and the same.
import { Flex, Segmented, Table, Tag, Typography } from 'antd';
import { useCallback } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { SearchField } from '../shell/search';
import { Nothing, Shown } from '../shell/state';
import { Ago, Chip, Tags } from '../shell/words';
import { CustomerDrawer } from './card';
import { Suggestions } from './suggestions';

export type Row = Schemas['CustomerRow'];

export function useSums() {
  const f = useFormat();
  return (sums: readonly Schemas['Money'][]) => sums.map((m) => f.money(m)).join(' + ') || '–';
}

/** Name is what to call a buyer, also one who told nothing or was erased. */
export function Name({ of }: { of: Pick<Row, 'id' | 'name' | 'phones' | 'erased_at'> }) {
  const { t } = useText();
  if (of.erased_at) return <Typography.Text type="secondary">{t('customers.erased')}</Typography.Text>;
  return <>{of.name || of.phones[0] || t('customers.nameless', { id: of.id })}</>;
}

export default function Customers() {
  const { t } = useText();
  const { id } = useParams();
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const search = params.toString();
  const view = params.get('view') === 'suggestions' ? 'suggestions' : 'all';
  const set = useCallback((k: string, v: string | undefined) => setParams((p) => { if (v) p.set(k, v); else p.delete(k); return p; }), [setParams]);
  const onSearch = useCallback((q: string | undefined) => set('q', q), [set]);
  const open = useCallback((n: number) => void go({ pathname: `/customers/${n}`, search }), [go, search]);
  const tag = params.get('tag') ?? undefined;
  const q = params.get('q') ?? undefined;
  return (
    <div className="page">
      <Head title={t('nav.customers')} />
      <Flex gap={8} wrap align="center" style={{ marginBottom: 10 }}>
        <Segmented aria-label={t('orders.presets')} value={view} onChange={(v) => set('view', v === 'all' ? undefined : v)} options={[{ value: 'all', label: t('customers.all') }, { value: 'suggestions', label: t('customers.suggestions') }]} />
        {view === 'all' && <SearchField key={q ?? ''} value={q} onSearch={onSearch} placeholder={t('customers.search')} />}
        {view === 'all' && tag && <Tag closable onClose={() => set('tag', undefined)}>{tag}</Tag>}
      </Flex>
      {view === 'all' ? <List q={q} tag={tag} search={search} onOpen={open} onTag={(x) => set('tag', x)} /> : <Suggestions onOpen={open} />}
      {id && <CustomerDrawer key={id} id={Number(id)} onOpen={open} onClose={() => void go({ pathname: '/customers', search })} />}
    </div>
  );
}

interface ListProps {
  q?: string;
  tag?: string;
  search: string;
  onOpen: (id: number) => void;
  onTag: (tag: string) => void;
}

function List({ q, tag, search, onOpen, onTag }: ListProps) {
  const { t } = useText();
  const f = useFormat();
  const sums = useSums();
  const list = usePages(['customers', q, tag], (cursor: string | undefined, signal) => ask(hub.GET('/api/v1/customers', { params: { query: { q, tag, cursor, limit: 50 } }, signal })), (p) => p.cursor || undefined, 15);
  return (
    <>
      <Shown of={list} rows={10}>
        {({ pages }) => {
          const rows = pages.flatMap((p) => p.customers);
          if (rows.length === 0) return q || tag ? <Nothing text={t('customers.noneFiltered')} hint={t('customers.noneFilteredHint')} /> : <Nothing text={t('customers.none')} hint={t('customers.noneHint')} />;
          return (
            <Table<Row> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} rowClassName="clickable"
              onRow={(r) => ({ onClick: (e) => { if (!(e.target as HTMLElement).closest('a, button') && !getSelection()?.toString()) onOpen(r.id); } })}
              columns={[
                { title: t('customers.name'), key: 'name', render: (_, r) => <><Link to={{ pathname: `/customers/${r.id}`, search }} style={{ fontWeight: 600 }}><Name of={r} /></Link>{r.cards.length > 1 && <> <Chip colour="grey">{t('customers.cards', { count: r.cards.length })}</Chip></>}</> },
                { title: t('buyer.phone'), key: 'phone', render: (_, r) => <span className="num nowrap">{r.phones.slice(0, 2).join(', ')}{r.phones.length > 2 && ` +${r.phones.length - 2}`}</span> },
                { title: t('buyer.email'), key: 'email', render: (_, r) => <>{r.emails[0]}{r.emails.length > 1 && ` +${r.emails.length - 1}`}</> },
                { title: t('customers.orders'), key: 'orders', align: 'right', render: (_, r) => <span className="num">{f.number(r.order_count)}</span> },
                { title: t('customers.bought'), key: 'bought', align: 'right', render: (_, r) => <span className="num nowrap">{sums(r.bought)}</span> },
                { title: t('customers.returned'), key: 'returned', align: 'right', render: (_, r) => <span className="num nowrap">{r.return_count ? sums(r.returned) : '–'}</span> },
                { title: t('customers.last'), key: 'last', render: (_, r) => <Ago at={r.last_order_at} /> },
                { title: t('col.tags'), key: 'tags', render: (_, r) => <Flex gap={4} wrap>{r.tags.map((x) => <button key={x} type="button" onClick={() => onTag(x)} style={{ all: 'unset', cursor: 'pointer' }} aria-label={t('customers.onlyTag', { tag: x })}><Tags of={[x]} /></button>)}</Flex> },
              ]} />
          );
        }}
      </Shown>
      <More of={list} />
    </>
  );
}
