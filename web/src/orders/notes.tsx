// What colleagues note on an order: tags, who works on it, notes.
import { DeleteOutlined } from '@ant-design/icons';
import { Button, Flex, Input, Popconfirm, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan, useSession } from '../shell/session';
import { Ago, Tags, Who } from '../shell/words';
import { useChange } from './actions';
import type { CardData } from './card';
import { Person, PersonField, TagsField } from './marks';

/** Marks are tags and assignee, to be changed where they stand. */
export function Marks({ o }: { o: CardData }) {
  const { t } = useText();
  const can = useCan();
  const session = useSession();
  const path = { number: o.number };
  const tag = useChange(o.number, async ({ add, drop }: { add: string[]; drop: string[] }) => {
    for (const x of add) await ask(hub.PUT('/api/v1/orders/{number}/tags/{tag}', { params: { path: { ...path, tag: x } } }));
    for (const x of drop) await ask(hub.DELETE('/api/v1/orders/{number}/tags/{tag}', { params: { path: { ...path, tag: x } } }));
  });
  const assign = useChange(o.number, (assignee: string) => ask(hub.PUT('/api/v1/orders/{number}/assignee', { params: { path }, body: { assignee } })));
  if (!can('orders.work')) {
    if (o.tags.length === 0 && !o.assignee) return null;
    return <Flex gap={8} wrap align="center"><Tags of={o.tags} />{o.assignee && <Typography.Text>{t('col.assignee')}: <Person login={o.assignee} /></Typography.Text>}</Flex>;
  }
  const shown = tag.isPending ? [...o.tags.filter((x) => !tag.variables.drop.includes(x)), ...tag.variables.add] : o.tags;
  return (
    <Flex gap={8} wrap>
      <div style={{ flex: '2 1 260px' }}>
        <TagsField value={shown} placeholder={t('note.tags')} disabled={tag.isPending}
          onChange={(now) => tag.mutate({ add: now.filter((x) => !o.tags.includes(x)), drop: o.tags.filter((x) => !now.includes(x)) })} />
      </div>
      <PersonField value={assign.isPending ? assign.variables : o.assignee} onChange={(who) => assign.mutate(who ?? '')} placeholder={t('col.assignee')} me={session.kind === 'in' ? session.user.login : undefined} style={{ flex: '1 1 180px' }} disabled={assign.isPending} />
    </Flex>
  );
}

export function Notes({ o }: { o: CardData }) {
  const { t } = useText();
  const can = useCan();
  const [text, setText] = useState('');
  const add = useChange(o.number, (body: { text: string }) => ask(hub.POST('/api/v1/orders/{number}/notes', { params: { path: { number: o.number } }, body })));
  const drop = useChange(o.number, (id: number) => ask(hub.DELETE('/api/v1/orders/{number}/notes/{id}', { params: { path: { number: o.number, id } } })));
  return (
    <Flex vertical gap={8}>
      {o.notes.map((n) => (
        <Flex key={n.id} gap={8} justify="space-between" align="flex-start">
          <div style={{ minWidth: 0 }}>
            <div style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{n.text}</div>
            <Typography.Text type="secondary" style={{ fontSize: 12 }}><Who actor={n.author} /> · <Ago at={n.at} /></Typography.Text>
          </div>
          {can('orders.work') && (
            <Popconfirm title={t('note.dropAsk')} okText={t('form.remove')} onConfirm={() => drop.mutate(n.id)}>
              <Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t('note.drop')} loading={drop.isPending && drop.variables === n.id} />
            </Popconfirm>
          )}
        </Flex>
      ))}
      {can('orders.work') && (
        <Flex gap={8} align="flex-end">
          <Input.TextArea value={text} onChange={(e) => setText(e.target.value)} rows={2} maxLength={2000} placeholder={t('note.write')} aria-label={t('note.write')}
            onKeyDown={(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && text.trim()) add.mutate({ text: text.trim() }, { onSuccess: () => setText('') }); }} />
          <Button disabled={!text.trim()} loading={add.isPending} onClick={() => add.mutate({ text: text.trim() }, { onSuccess: () => setText('') })}>{t('note.add')}</Button>
        </Flex>
      )}
    </Flex>
  );
}
