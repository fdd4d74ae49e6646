// What colleagues wrote about a buyer.
import { DeleteOutlined } from '@ant-design/icons';
import { Button, Flex, Input, Popconfirm, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Ago, Who } from '../shell/words';
import { useWork, type Customer } from './card';

export function Notes({ c }: { c: Customer }) {
  const { t } = useText();
  const can = useCan();
  const [text, setText] = useState('');
  const add = useWork((body: { text: string }) => ask(hub.POST('/api/v1/customers/{id}/notes', { params: { path: { id: c.id } }, body })));
  const drop = useWork((note: number) => ask(hub.DELETE('/api/v1/customers/{id}/notes/{note}', { params: { path: { id: c.id, note } } })));
  const write = () => add.mutate({ text: text.trim() }, { onSuccess: () => setText('') });
  const may = can('customers.work') && !c.erased_at;
  return (
    <Flex vertical gap={8}>
      {c.notes.length === 0 && !may && <Typography.Text type="secondary">{t('note.none')}</Typography.Text>}
      {c.notes.map((n) => (
        <Flex key={n.id} gap={8} justify="space-between" align="flex-start">
          <div style={{ minWidth: 0 }}>
            <div style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{n.text}</div>
            <Typography.Text type="secondary" style={{ fontSize: 12 }}><Who actor={n.actor} /> · <Ago at={n.at} /></Typography.Text>
          </div>
          {may && <Popconfirm title={t('note.dropAsk')} okText={t('form.remove')} onConfirm={() => drop.mutate(n.id)}><Button type="text" size="small" icon={<DeleteOutlined />} aria-label={t('note.drop')} loading={drop.isPending && drop.variables === n.id} /></Popconfirm>}
        </Flex>
      ))}
      {may && (
        <Flex gap={8} align="flex-end">
          <Input.TextArea value={text} onChange={(e) => setText(e.target.value)} rows={2} maxLength={2000} placeholder={t('customers.write')} aria-label={t('customers.write')} />
          <Button disabled={!text.trim()} loading={add.isPending} onClick={write}>{t('note.add')}</Button>
        </Flex>
      )}
    </Flex>
  );
}
