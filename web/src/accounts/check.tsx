// What the channel says of the keys.
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Flex, Spin, Typography } from 'antd';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { sentence } from '../shell/state';

export function Check({ id }: { id: string }) {
  const { t, said } = useText();
  const f = useFormat();
  const check = useQuery({
    queryKey: ['check', id], queryFn: ({ signal }) => ask(hub.POST('/api/v1/accounts/{account}/check', { params: { path: { account: id } }, signal })),
    retry: false, staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false,
  });
  const again = <Button size="small" loading={check.isFetching} onClick={() => void check.refetch()}>{t('check.again')}</Button>;
  if (check.isPending) return <Flex gap={12} align="center" role="status"><Spin size="small" />{t('check.asking')}</Flex>;
  if (check.error) return <Alert type="warning" showIcon title={t('check.failed')} description={sentence(check.error, t('state.offline'))} action={again} />;
  const c = check.data;
  if (!c.ok) return <Alert type="error" showIcon title={t('check.refused')} description={said(c.problem)} action={again} />;
  return (
    <Alert type={c.warnings?.length ? 'warning' : 'success'} showIcon title={c.name ? t('check.okName', { name: c.name }) : t('check.ok')} action={again} description={
      <Flex vertical gap={2}>
        {c.expires && <span>{t('check.expires', { at: f.day(c.expires) })}</span>}
        {c.warnings?.map((w) => <span key={w}>{said(w)}</span>)}
        {(c.can?.length ?? 0) > 0 && <Typography.Text type="secondary" style={{ fontSize: 12 }}>{c.can?.join(' · ')}</Typography.Text>}
      </Flex>
    } />
  );
}
