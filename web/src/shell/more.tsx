import { Button, Flex } from 'antd';
import { useText } from './i18n';

/** More continues a list. */
export function More({ of }: { of: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const { t } = useText();
  if (!of.hasNextPage) return null;
  return <Flex justify="center" style={{ marginTop: 12 }}><Button loading={of.isFetchingNextPage} onClick={() => void of.fetchNextPage()}>{t('list.more')}</Button></Flex>;
}
