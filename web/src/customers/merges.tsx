// Joining cards of one buyer, and parting them again.
import { useQuery } from '@tanstack/react-query';
import { Button, Flex, Input, Modal, Popconfirm, Select, Typography } from 'antd';
import { useEffect, useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Ago, Who } from '../shell/words';
import { useWork, type Customer } from './card';
import { useJudge } from './suggestions';

export function Merges({ c }: { c: Customer }) {
  const { t, said } = useText();
  const can = useCan();
  const undo = useWork((id: number) => ask(hub.POST('/api/v1/customer-merges/{id}/undo', { params: { path: { id } }, body: {} })), t('customers.undone'));
  return (
    <Flex vertical gap={6}>
      {[...c.merges].reverse().map((m) => (
        <Flex key={m.id} gap={10} wrap align="center">
          <span>{t('customers.mergeOf', { loser: m.loser, winner: m.winner })}{m.why && <>: {said(m.why)}</>}</span>
          <Typography.Text type="secondary"><Who actor={m.actor} /> · <Ago at={m.at} /></Typography.Text>
          {m.undone_at
            ? <Typography.Text type="secondary">{t('customers.wasUndone')}{m.undone_by && <> · <Who actor={m.undone_by} /></>} · <Ago at={m.undone_at} /></Typography.Text>
            : can('customers.work') && <Popconfirm title={t('customers.undoAsk')} description={<div style={{ maxWidth: 320 }}>{t('customers.undoHint')}</div>} okText={t('customers.undo')} onConfirm={() => undo.mutate(m.id)}><Button size="small" loading={undo.isPending && undo.variables === m.id}>{t('customers.undo')}</Button></Popconfirm>}
        </Flex>
      ))}
    </Flex>
  );
}

/** OpenPairs are the pairs with this buyer that nobody has judged yet. */
export function OpenPairs({ c, onOpen }: { c: Customer; onOpen: (id: number) => void }) {
  const { t, word } = useText();
  const can = useCan();
  const judge = useJudge();
  return (
    <Flex vertical gap={6}>
      {c.suggestions.filter((s) => s.state === 'open').map((s) => {
        const other = c.cards.includes(s.low) ? s.high : s.low;
        return (
          <Flex key={s.id} gap={10} wrap align="center">
            <Button type="link" size="small" style={{ padding: 0 }} onClick={() => onOpen(other)}>{t('customers.card', { id: other })}</Button>
            <span>{word('suggest', s.reason)}</span>
            {can('customers.work') && <>
              <Button size="small" type="primary" loading={judge.isPending} onClick={() => judge.mutate({ id: s.id, same: true })}>{t('customers.accept')}</Button>
              <Button size="small" disabled={judge.isPending} onClick={() => judge.mutate({ id: s.id, same: false })}>{t('customers.decline')}</Button>
            </>}
          </Flex>
        );
      })}
    </Flex>
  );
}

export function MergeWith({ c, onOpen }: { c: Customer; onOpen: (id: number) => void }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t('customers.merge')}</Button>
      {open && <Ask c={c} onClose={() => setOpen(false)} onOpen={onOpen} />}
    </>
  );
}

function Ask({ c, onClose, onOpen }: { c: Customer; onClose: () => void; onOpen: (id: number) => void }) {
  const { t } = useText();
  const [text, setText] = useState('');
  const [asked, setAsked] = useState('');
  const [other, setOther] = useState<number>();
  const [why, setWhy] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery({
    queryKey: ['customers', 'find', asked], enabled: asked.length > 1,
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/customers', { params: { query: { q: asked, limit: 20 } }, signal })),
  });
  const merge = useWork((v: { other: number; why?: string }) => ask(hub.POST('/api/v1/customers/{id}/merge', { params: { path: { id: c.id } }, body: v })), t('customers.merged'));
  const options = (found.data?.customers ?? []).filter((x) => x.id !== c.id && !x.erased_at).map((x) => ({ value: x.id, label: [x.name || t('customers.nameless', { id: x.id }), x.phones[0], x.emails[0]].filter(Boolean).join(' · ') }));
  return (
    <Modal open title={t('customers.mergeTitle')} okText={t('customers.mergeOk')} okButtonProps={{ disabled: other === undefined }} confirmLoading={merge.isPending} onCancel={onClose}
      onOk={() => other !== undefined && merge.mutate({ other, why: why || undefined }, { onSuccess: () => { onClose(); onOpen(c.id); } })}>
      <Typography.Paragraph type="secondary">{t('customers.mergeHint')}</Typography.Paragraph>
      <Flex vertical gap={10}>
        <Select value={other} onChange={setOther} showSearch={{ filterOption: false, onSearch: setText }} options={options} loading={found.isFetching} notFoundContent={asked.length > 1 && found.data ? t('customers.noneFiltered') : null} placeholder={t('customers.search')} aria-label={t('customers.search')} />
        <Input value={why} onChange={(e) => setWhy(e.target.value)} maxLength={500} placeholder={t('customers.why')} aria-label={t('customers.why')} />
      </Flex>
    </Modal>
  );
}
