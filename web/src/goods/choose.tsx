// A product, found by article, name or barcode.
import { useQuery } from '@tanstack/react-query';
import { Select } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';

interface Props {
  value?: string | null;
  onChoose: (sku: string) => void;
  width?: number;
  small?: boolean;
}

export function Choose({ value = null, onChoose, width = 170, small }: Props) {
  const { t } = useText();
  const [q, setQ] = useState('');
  const found = useQuery({ queryKey: ['product', 'choose', q], enabled: q.length > 0, queryFn: ({ signal }) => ask(hub.GET('/api/v1/products', { params: { query: { q, limit: 20 } }, signal })), staleTime: 10_000 });
  return (
    <Select<string> size={small ? 'small' : undefined} style={{ width }} placeholder={t('listings.choose')} aria-label={t('listings.choose')} value={value} showSearch={{ filterOption: false, onSearch: setQ }} loading={found.isFetching} onSelect={onChoose}
      notFoundContent={q && !found.isFetching ? t('products.noneFiltered') : null} options={(found.data?.products ?? []).map((p) => ({ value: p.sku, label: `${p.sku} · ${p.name}` }))} popupMatchSelectWidth={320} />
  );
}
