// What to show: search, status, account, hold, days.
import { Button, Flex, Select } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useText } from '../shell/i18n';
import { SearchField } from '../shell/search';
import { useSession } from '../shell/session';
import { useWide } from '../shell/wide';
import { ChannelBadge, holds, statuses } from '../shell/words';
import { PersonField } from './marks';
import { useAccounts, useTags, type Filter } from './query';

const Days = lazy(() => import('./days'));

export function Filters({ filter, set }: { filter: Filter; set: (change: Partial<Filter>) => void }) {
  const { t, word } = useText();
  const accounts = useAccounts();
  const wide = useWide();
  const [more, setMore] = useState(false);
  const shown = wide || more;
  const [dated, setDated] = useState(!!filter.from);
  return (
    <Flex gap={8} wrap style={{ marginBottom: 10 }} role="search" aria-label={t('orders.filter')}>
      <SearchField className="orders-search" key={filter.q ?? ''} value={filter.q} onSearch={(q) => set({ q })} placeholder={t('orders.search')} />
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
          <Tag value={filter.tag} onChange={(tag) => set({ tag })} wide={wide} />
          <Assignee value={filter.assignee} onChange={(assignee) => set({ assignee })} wide={wide} />
          {dated
            ? <Suspense><Days filter={filter} set={set} open={!filter.from} onEmpty={() => setDated(false)} /></Suspense>
            : <Button onClick={() => setDated(true)}>{t('orders.days_')}</Button>}
        </>
      )}
    </Flex>
  );
}

interface Chosen {
  value?: string;
  onChange: (value: string | undefined) => void;
  wide: boolean;
}

function Tag({ value, onChange, wide }: Chosen) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const tags = useTags(open);
  return (
    <Select value={value} onChange={onChange} onOpenChange={setOpen} placeholder={t('col.tags')} aria-label={t('col.tags')} allowClear showSearch style={{ minWidth: 120, flex: wide ? undefined : '1 1 100%' }}
      loading={tags.isLoading} notFoundContent={tags.data ? t('orders.noTags') : null} options={(tags.data ?? []).map((x) => ({ value: x.tag, label: `${x.tag} · ${x.orders}` }))} />
  );
}

function Assignee({ value, onChange, wide }: Chosen) {
  const { t } = useText();
  const session = useSession();
  return <PersonField value={value} onChange={onChange} placeholder={t('col.assignee')} me={session.kind === 'in' ? session.user.login : undefined} style={{ minWidth: 150, flex: wide ? undefined : '1 1 100%' }} />;
}
