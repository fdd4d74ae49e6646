// Pairs of buyers who may be one; the hub joins by itself only what is certain.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Card, Flex, Typography } from 'antd';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago } from '../shell/words';
import { Name, useSums, type Row } from './customers';

/** useJudge answers a suggestion. */
export function useJudge() {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, same }: { id: number; same: boolean }): Promise<unknown> => (same
      ? ask(hub.POST('/api/v1/customer-suggestions/{id}/accept', { params: { path: { id } } }))
      : ask(hub.POST('/api/v1/customer-suggestions/{id}/decline', { params: { path: { id } } }))),
    onSuccess: (_, { same }) => done(same ? t('customers.merged') : t('customers.declined')),
    onError: failed,
    onSettled: () => { for (const key of ['customers', 'customer', 'suggestions']) void client.invalidateQueries({ queryKey: [key] }); },
  });
}

export function Suggestions({ onOpen }: { onOpen: (id: number) => void }) {
  const { t, word } = useText();
  const can = useCan();
  const judge = useJudge();
  const list = usePages(['suggestions'], (before: number | undefined, signal) => ask(hub.GET('/api/v1/customer-suggestions', { params: { query: { before, limit: 30 } }, signal })), (p) => p.before || undefined, 20);
  return (
    <>
      <Typography.Paragraph type="secondary">{t('customers.suggestionsHint')}</Typography.Paragraph>
      <Shown of={list}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.suggestions);
          if (all.length === 0) return <Nothing text={t('customers.noSuggestions')} />;
          return (
            <Flex vertical gap={10}>
              {all.map((s: Schemas['SuggestionView']) => (
                <Card key={s.id} size="small">
                  <Flex justify="space-between" gap={12} wrap align="center" style={{ marginBottom: 8 }}>
                    <span><Typography.Text strong>{word('suggest', s.reason)}</Typography.Text>{s.same && <Typography.Text type="secondary"> · {t('customers.same', { what: word('same', s.same) })}</Typography.Text>}</span>
                    {can('customers.work') && (
                      <Flex gap={8}>
                        <Button type="primary" size="small" loading={judge.isPending && judge.variables.id === s.id && judge.variables.same} onClick={() => judge.mutate({ id: s.id, same: true })}>{t('customers.accept')}</Button>
                        <Button size="small" loading={judge.isPending && judge.variables.id === s.id && !judge.variables.same} onClick={() => judge.mutate({ id: s.id, same: false })}>{t('customers.decline')}</Button>
                      </Flex>
                    )}
                  </Flex>
                  <Flex gap={16} wrap><Side of={s.older} onOpen={onOpen} /><Side of={s.newer} onOpen={onOpen} /></Flex>
                </Card>
              ))}
            </Flex>
          );
        }}
      </Shown>
      <More of={list} />
    </>
  );
}

function Side({ of: c, onOpen }: { of: Row; onOpen: (id: number) => void }) {
  const { t } = useText();
  const f = useFormat();
  const sums = useSums();
  return (
    <div style={{ flex: '1 1 260px', minWidth: 0 }}>
      <Button type="link" size="small" style={{ padding: 0, fontWeight: 600 }} onClick={() => onOpen(c.id)}><Name of={c} /></Button>
      <div className="num">{c.phones.join(', ')}</div>
      <div style={{ overflowWrap: 'anywhere' }}>{c.emails.join(', ')}</div>
      <Typography.Text type="secondary">{t('customers.orders')}: {f.number(c.order_count)}, {sums(c.bought)}{c.last_order_at && <> · <Ago at={c.last_order_at} /></>}</Typography.Text>
    </div>
  );
}
