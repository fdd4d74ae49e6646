// What a page shows when it has nothing to show: loading, nothing there, refused,
// no connection. And how a refusal of an action is told.
import { WarningOutlined } from '@ant-design/icons';
import { App, Button, Empty, Flex, Skeleton, Typography } from 'antd';
import { useCallback, type ReactNode } from 'react';
import { Problem } from './api';
import { useText } from './i18n';

export function sentence(e: unknown, offline: string): string {
  if (e instanceof Problem) return e.offline ? offline : e.message;
  return e instanceof Error ? e.message : String(e);
}

/** useTell gives ways to say how an action ended. */
export function useTell() {
  const { message, notification, modal } = App.useApp();
  const { t } = useText();
  const offline = t('state.offline');
  const failed = useCallback((e: unknown) => {
    notification.error({ title: sentence(e, offline), placement: 'bottomRight', duration: 8 });
  }, [notification, offline]);
  return { done: (text: string) => void message.success(text), failed, modal };
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useText();
  const lost = error instanceof Problem && error.offline;
  const missing = error instanceof Problem && error.status === 404;
  return (
    <Notice title={lost ? t('state.offline') : missing ? t('state.missing') : t('state.failed')} text={lost ? t('state.offlineHint') : sentence(error, '')}>
      {retry && <Button type="primary" onClick={retry}>{t('state.again')}</Button>}
    </Notice>
  );
}

/** Notice fills a page that has nothing else to show. (The kit's Result brings
 * pictures that weigh more than the page.) */
export function Notice({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <Flex vertical gap={10} align="center" role="alert" style={{ padding: '64px 16px', textAlign: 'center' }}>
      <WarningOutlined aria-hidden style={{ fontSize: 34, opacity: 0.6 }} />
      <Typography.Title level={2} style={{ margin: 0, fontSize: 18 }}>{title}</Typography.Title>
      <Typography.Text type="secondary" style={{ maxWidth: 520 }}>{text}</Typography.Text>
      {children}
    </Flex>
  );
}

export function Nothing({ text, hint, children }: { text: string; hint?: ReactNode; children?: ReactNode }) {
  return (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} style={{ padding: '40px 16px' }}
      description={<><div>{text}</div>{hint && <Typography.Text type="secondary">{hint}</Typography.Text>}</>}>
      {children}
    </Empty>
  );
}

export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useText();
  return <div role="status" aria-label={t('state.loading')} style={{ padding: 16 }}><Skeleton active title={false} paragraph={{ rows }} /></div>;
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Shown shows what a query found, or why it did not. What was there before stays
 * in sight while the hub is away. */
export function Shown<T>({ of, rows, children }: { of: Asked<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Failed error={of.error} retry={() => void of.refetch()} />;
  return <Loading rows={rows} />;
}
