// Orders of all channels, with the card of one beside them.
import { ReloadOutlined } from '@ant-design/icons';
import { Alert, Button, Flex, Tooltip } from 'antd';
import { Suspense, useCallback, useState } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import { Problem } from '../shell/api';
import { Head } from '../shell/frame';
import { lazyPage, useText } from '../shell/i18n';
import { usePref } from '../shell/prefs';
import { useCan } from '../shell/session';
import { Failed, Loading, Nothing } from '../shell/state';
import { useWide } from '../shell/wide';
import { columnNames, useColumns, usualColumns, type Column } from './columns';
import { Filters } from './filters';
import { Cards } from './phone';
import { useFilter, useOrders } from './query';
import { useSteady } from './steady';
import { OrdersTable } from './table';
import { ColumnChoice, Export, Keys, Presets, Views } from './views';

const Bulk = lazyPage('orders/bulk', () => import('./bulk'));
const Card = lazyPage('orders/card', () => import('./card'));

export function Orders() {
  const { t } = useText();
  const can = useCan();
  const wide = useWide();
  const { filter, set, replace, cursor, setParams, text } = useFilter();
  const open = Number(useParams().number) || undefined;
  const list = useOrders(filter, cursor);
  const [selected, setSelected] = useState<number[]>([]);
  const [worked, setWorked] = useState(false); // somebody has selected orders: the bar may have something to say
  if (selected.length > 0 && !worked) setWorked(true);
  const [held, setHeld] = useState(false);
  const steady = useSteady(list.isPlaceholderData ? undefined : list.data?.orders, text, !wide || held || selected.length > 0 || open !== undefined); // a finger gives no warning
  const [chosen, choose] = usePref<readonly Column[]>('orders.columns', usualColumns);
  const all = useColumns(text);
  const columns = columnNames.filter((c) => chosen.includes(c)).map((c) => all[c]);
  const go = useNavigate();
  const back = useLocation().state as { pages?: string[] } | null;
  const openCard = useCallback((n: number) => void go({ pathname: `/orders/${n}`, search: text }), [go, text]);
  const next = list.data?.cursor;
  const page = (to: string | undefined, pages: string[]) => {
    setSelected([]);
    setParams((p) => {
      if (to) p.set('cursor', to);
      else p.delete('cursor');
      return p;
    }, { state: { pages } });
    window.scrollTo({ top: 0 });
  };
  const pages = back?.pages ?? [];
  const stale = list.error instanceof Problem && list.data !== undefined;
  const body = () => {
    if (list.data === undefined) return list.error ? <Failed error={list.error} retry={() => void list.refetch()} /> : <Loading rows={12} />;
    if (steady.rows.length === 0 && !list.isPlaceholderData) {
      const filtered = text !== '';
      return (
        <Nothing text={filtered ? t('orders.noneFiltered') : t('orders.none')} hint={filtered ? undefined : t('orders.noneHint')}>
          {filtered && <Button onClick={() => replace({ status: [], account: [] })}>{t('orders.clear')}</Button>}
        </Nothing>
      );
    }
    return wide
      ? <OrdersTable steady={steady} columns={columns} selected={selected} onSelect={setSelected} selectable={can('orders.work')} onOpen={openCard} onHold={setHeld} paused={open !== undefined} loading={list.isPlaceholderData} />
      : <Cards steady={steady} selected={selected} onSelect={setSelected} onOpen={openCard} selectable={can('orders.work')} />;
  };
  return (
    <div className="page">
      <Head title={t('nav.orders')}>
        <Views filter={filter} onOpen={replace} />
        {wide && <ColumnChoice chosen={chosen} onChoose={choose} />}
        <Export filter={filter} />
        {wide && <Keys />}
        <Tooltip title={t('state.refresh')}><Button icon={<ReloadOutlined spin={list.isFetching && !list.isPending} />} aria-label={t('state.refresh')} onClick={() => { steady.show(); void list.refetch(); }} /></Tooltip>
      </Head>
      <Presets filter={filter} onOpen={replace} />
      <Filters filter={filter} set={set} />
      {stale && <Alert type="warning" showIcon title={t('state.stale')} style={{ marginBottom: 8 }} />}
      {steady.waiting > 0 && !cursor && (
        <Flex justify="center" style={{ position: 'sticky', top: 54, zIndex: 40, height: 0, overflow: 'visible' }}>
          <Button type="primary" shape="round" onClick={() => { steady.show(); window.scrollTo({ top: 0 }); }}>{t('orders.waiting', { count: steady.waiting })}</Button>
        </Flex>
      )}
      {body()}
      {(next || pages.length > 0 || cursor) && list.data && (
        <Flex justify="space-between" align="center" style={{ marginTop: 10 }}>
          <Button disabled={!cursor} onClick={() => page(pages.at(-1) || undefined, pages.slice(0, -1))}>{t('list.newer')}</Button>
          <Button disabled={!next || list.isPlaceholderData} onClick={() => page(next, [...pages, cursor ?? ''])}>{t('list.older')}</Button>
        </Flex>
      )}
      {worked && <Suspense><Bulk rows={steady.rows.filter((r) => selected.includes(r.number))} onDone={() => setSelected([])} /></Suspense>}
      {open !== undefined && <Suspense><Card number={open} rows={steady.rows} onOpen={openCard} onClose={() => void go({ pathname: '/orders', search: text })} /></Suspense>}
    </div>
  );
}
