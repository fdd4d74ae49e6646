// What to show: search, status, account, hold, days.
import { SearchOutlined } from '@ant-design/icons';
import { Button, Flex, Grid, Input, Select } from 'antd';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useText } from '../shell/i18n';
import { ChannelBadge, holds, statuses } from '../shell/words';
import { useAccounts, type Filter } from './query';

const Days = lazy(() => import('./days'));

export function Filters({ filter, set }: { filter: Filter; set: (change: Partial<Filter>) => void }) {
  const { t, word } = useText();
  const accounts = useAccounts();
  const wide = Grid.useBreakpoint().md ?? true;
  const [more, setMore] = useState(false);
  const shown = wide || more;
  const [dated, setDated] = useState(!!filter.from);
  return (
    <Flex gap={8} wrap style={{ marginBottom: 10 }} role="search" aria-label={t('orders.filter')}>
      <Search key={filter.q ?? ''} value={filter.q} onSearch={(q) => set({ q })} />
      {!wide && <Button aria-expanded={more} onClick={() => setMore(!more)}>{t('orders.filter')}</Button>}
      {shown && (
        <>
          <Select mode="multiple" value={filter.status} onChange={(status) => set({ status })} placeholder={t('col.status')} aria-label={t('col.status')} maxTagCount="responsive" allowClear
            style={{ minWidth: 190, flex: wide ? undefined : '1 1 100%' }} options={statuses.map((s) => ({ value: s, label: word('status', s) }))} />
          <Select mode="multiple" value={filter.account} onChange={(account) => set({ account })} placeholder={t('col.account')} aria-label={t('col.account')} maxTagCount="responsive" allowClear
            style={{ minWidth: 170, flex: wide ? undefined : '1 1 100%' }}
            options={(accounts.data ?? []).map((a) => ({ value: a.id, label: <ChannelBadge channel={a.channel} account={a.name || a.id} /> }))} />
          <Select value={filter.hold} onChange={(hold?: string) => set({ hold })} placeholder={t('col.holds')} aria-label={t('col.holds')} allowClear style={{ minWidth: 150, flex: wide ? undefined : '1 1 100%' }}
            options={[{ value: 'any', label: t('hold.any') }, ...holds.map((h) => ({ value: h, label: word('hold', h) }))]} />
          {dated
            ? <Suspense><Days filter={filter} set={set} open={!filter.from} onEmpty={() => setDated(false)} /></Suspense>
            : <Button onClick={() => setDated(true)}>{t('orders.days_')}</Button>}
        </>
      )}
    </Flex>
  );
}

function Search({ value, onSearch }: { value?: string; onSearch: (q: string | undefined) => void }) {
  const { t } = useText();
  const [text, setText] = useState(value ?? '');
  useEffect(() => {
    const now = text.trim();
    if (now === (value ?? '')) return;
    const timer = setTimeout(() => onSearch(now || undefined), 350);
    return () => clearTimeout(timer);
  }, [text, value, onSearch]);
  return (
    <Input className="orders-search" value={text} onChange={(e) => setText(e.target.value)} allowClear prefix={<SearchOutlined />} maxLength={200} style={{ width: 280, flex: '1 1 200px', maxWidth: 380 }}
      placeholder={t('orders.search')} aria-label={t('orders.search')} />
  );
}
