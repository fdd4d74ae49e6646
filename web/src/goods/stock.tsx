// What lies in the warehouse, and how each figure came about.
import { Input, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Nothing, Shown, useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { StockDrawer } from './figure';

export default function Stock() {
  const { t } = useText();
  const f = useFormat();
  const { sku } = useParams();
  const go = useNavigate();
  const wide = useWide();
  const [find, setFind] = useState('');
  const [params] = useSearchParams();
  const q = params.get('q') ?? undefined;
  const list = usePages(['stock', q], (after: string | undefined, signal) => ask(hub.GET('/api/v1/stock', { params: { query: { q, after, limit: 100 } }, signal })), (p) => p.after || undefined);
  const open = (s: string) => void go(`/stock/${encodeURIComponent(s)}`);
  const { failed } = useTell();
  // A scanner means one article: it opens. What fits several is listed.
  const search = async (text: string) => {
    if (!text) return void go('/stock');
    try {
      const { stock } = await ask(hub.GET('/api/v1/stock', { params: { query: { q: text, limit: 2 } } }));
      if (stock[0] && (stock.length === 1 || stock[0].sku === text)) return open(stock[0].sku);
      void go(`/stock?q=${encodeURIComponent(text)}`);
    } catch (e) {
      failed(e);
    }
  };
  const figure = (n: number) => <span className="num">{f.number(n)}</span>;
  return (
    <div className="page">
      <Head title={t('nav.stock')}>
        <Input.Search value={find} onChange={(e) => setFind(e.target.value)} placeholder={t('stock.find')} aria-label={t('stock.find')} maxLength={100} style={{ width: wide ? 260 : 200 }} allowClear onSearch={(v) => void search(v.trim())} />
      </Head>
      <Shown of={list} rows={10}>
        {({ pages }) => {
          const rows = pages.flatMap((p) => p.stock);
          if (rows.length === 0 && q) return <Nothing text={t('products.noneFiltered')} />;
          if (rows.length === 0) return <Nothing text={t('stock.none')} hint={t('stock.noneHint')} />;
          return (
            <Table size="small" rowKey="sku" pagination={false} dataSource={rows} sticky={{ offsetHeader: 48 }} rowClassName="clickable" onRow={(r) => ({ onClick: () => open(r.sku) })}
              columns={[
                { title: t('goods.sku'), key: 'sku', render: (_, r) => <><Link to={`/stock/${encodeURIComponent(r.sku)}`} onClick={(e) => e.stopPropagation()}>{r.sku}</Link>{r.name && r.name !== r.sku && <div className="secondary" style={{ fontSize: 12 }}>{r.name}</div>}</> },
                { title: t('goods.available'), key: 'available', align: 'right', render: (_, r) => <Typography.Text strong className="num" type={r.available < 0 ? 'danger' : undefined}>{f.number(r.available)}</Typography.Text> },
                { title: t('goods.onHand'), dataIndex: 'on_hand', align: 'right', render: figure },
                { title: t('goods.inReserve'), dataIndex: 'reserved', align: 'right', render: figure },
              ]} />
          );
        }}
      </Shown>
      <More of={list} />
      {sku && <StockDrawer key={sku} sku={sku} onClose={() => void go('/stock')} />}
    </div>
  );
}
