// What was told, and what became of it.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Table, Typography } from 'antd';
import { Link } from 'react-router';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago, Chip, type Colour } from '../shell/words';
import { useRecipients } from './recipients';

const colour: Record<string, Colour> = { pending: 'grey', sending: 'blue', sent: 'green', failed: 'orange', uncertain: 'orange', given_up: 'red' };

export function Messages() {
  const { t, word, said } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const people = useRecipients();
  const list = usePages(['messages'], (before: number | undefined, signal) => ask(hub.GET('/api/v1/notify/messages', { params: { query: { before, limit: 50 } }, signal })), (p) => p.before || undefined);
  const retry = useMutation({ mutationFn: (id: number) => ask(hub.POST('/api/v1/notify/messages/{id}/retry', { params: { path: { id } } })), onSuccess: () => done(t('effects.again')), onError: failed, onSettled: () => void client.invalidateQueries({ queryKey: ['messages'] }) });
  return (
    <>
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.messages);
        if (rows.length === 0) return <Nothing text={t('notify.noMessages')} />;
        return (
          <Table size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
            { title: t('stock.when'), key: 'at', width: 110, render: (_, m) => <Ago at={m.created_at} /> },
            { title: t('notify.to'), key: 'to', width: 150, render: (_, m) => people.data?.find((p) => p.id === m.recipient)?.name ?? m.recipient },
            { title: t('effects.state'), key: 'state', width: 130, render: (_, m) => <Chip colour={colour[m.state] ?? 'grey'}>{word('message', m.state)}</Chip> },
            { title: t('notify.text'), key: 'text', render: (_, m) => <div style={{ maxWidth: 560, whiteSpace: 'pre-wrap' }}>{m.text}{m.error && <div><Typography.Text type="danger">{said(m.error)}</Typography.Text></div>}</div> },
            { title: t('col.number'), key: 'n', width: 100, render: (_, m) => m.number && <Link to={`/orders/${m.number}`}>{m.number}</Link> },
            { title: '', key: 'act', width: 130, render: (_, m) => ['uncertain', 'given_up'].includes(m.state) && <Button size="small" onClick={() => retry.mutate(m.id)}>{t('effects.retry')}</Button> },
          ]} />
        );
      }}</Shown>
      <More of={list} />
    </>
  );
}
