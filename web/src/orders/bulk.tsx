// One step for many orders, tags and an assignee for all of them, and what became of
// each.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Checkbox, Flex, Modal, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { useSession } from '../shell/session';
import { useTell } from '../shell/state';
import { Chip, StatusTag } from '../shell/words';
import { external } from './columns';
import { PersonField, TagsField } from './marks';
import type { Row } from './query';

const steps = ['confirmed', 'packed', 'shipped'] as const;
type Step = (typeof steps)[number];

export default function Bulk({ rows, onDone }: { rows: Row[]; onDone: () => void }) {
  const { t, word } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [step, setStep] = useState<Step>();
  const [outcomes, setOutcomes] = useState<Schemas['Outcome'][]>();
  const [marking, setMarking] = useState(false);
  const numbers = rows.map((r) => r.number);
  const told = ({ outcomes: all }: { outcomes: Schemas['Outcome'][] }) => {
    for (const key of ['orders', 'tags']) void client.invalidateQueries({ queryKey: [key] });
    const bad = all.filter((o) => !o.ok);
    if (bad.length) setOutcomes(all);
    else done(t('bulk.allDone', { count: all.length }));
    onDone();
  };
  const move = useMutation({ mutationFn: (to: Step) => ask(hub.POST('/api/v1/transitions', { body: { to, numbers } })), onSuccess: told, onError: failed, onSettled: () => setStep(undefined) });
  const mark = useMutation({
    mutationFn: (m: Marks) => ask(hub.POST('/api/v1/marks', { body: { ...m, numbers } })),
    onSuccess: (all) => { told(all); setMarking(false); }, onError: failed,
  });
  const channels = [...new Set(rows.map((r) => word('channel', r.channel)))].join(', ');
  return (
    <>
      {rows.length > 0 && (
        <Flex role="region" aria-label={t('bulk.title')} gap={8} align="center" wrap className="bulk" style={{ position: 'sticky', bottom: 12, zIndex: 40, margin: '12px auto 0', width: 'fit-content', padding: '8px 14px', borderRadius: 10, background: '#1b2a4a', color: '#fff', boxShadow: '0 6px 24px rgba(0,0,0,.25)' }}>
          <span className="num" style={{ fontWeight: 600 }}>{t('bulk.selected', { count: rows.length })}</span>
          {steps.map((s) => <Button key={s} onClick={() => setStep(s)}>{t(`step.${s}`)}</Button>)}
          <Button onClick={() => setMarking(true)}>{t('bulk.mark')}</Button>
          <Button type="text" style={{ color: '#fff' }} onClick={onDone}>{t('bulk.clear')}</Button>
        </Flex>
      )}
      <Modal open={step !== undefined} title={step && t(`bulk.ask.${step}`, { count: rows.length })} okText={step && t(`step.${step}`)} confirmLoading={move.isPending}
        onOk={() => step && move.mutate(step)} onCancel={() => setStep(undefined)} width={440}>
        <Typography.Paragraph>{t('bulk.askHint', { channels })}</Typography.Paragraph>
      </Modal>
      {marking && <Mark count={rows.length} busy={mark.isPending} onMark={(m) => mark.mutate(m)} onClose={() => setMarking(false)} />}
      <Modal open={outcomes !== undefined} title={t('bulk.outcome')} onCancel={() => setOutcomes(undefined)} footer={<Button type="primary" onClick={() => setOutcomes(undefined)}>{t('form.close')}</Button>} width={720}>
        {outcomes && <Outcomes outcomes={outcomes} onOpen={() => setOutcomes(undefined)} />}
      </Modal>
    </>
  );
}

type Marks = Omit<Schemas['MarksBody'], 'numbers'>;

// Mark asks what to put on all of them; what is left empty stays as it is.
function Mark({ count, busy, onMark, onClose }: { count: number; busy: boolean; onMark: (m: Marks) => void; onClose: () => void }) {
  const { t } = useText();
  const session = useSession();
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const [who, setWho] = useState<string>();
  const [nobody, setNobody] = useState(false);
  const nothing = add.length === 0 && remove.length === 0 && !who && !nobody;
  return (
    <Modal open title={t('bulk.markTitle', { count })} okText={t('form.save')} okButtonProps={{ disabled: nothing }} confirmLoading={busy} onCancel={onClose} width={440}
      onOk={() => onMark({ add_tags: add.length ? add : undefined, remove_tags: remove.length ? remove : undefined, assignee: nobody ? '' : who })}>
      <Flex vertical gap={10}>
        <TagsField value={add} onChange={setAdd} placeholder={t('bulk.tagsAdd')} />
        <TagsField value={remove} onChange={setRemove} placeholder={t('bulk.tagsRemove')} />
        <PersonField value={who} onChange={setWho} placeholder={t('bulk.assign')} me={session.kind === 'in' ? session.user.login : undefined} disabled={nobody} />
        <Checkbox checked={nobody} onChange={(e) => setNobody(e.target.checked)}>{t('bulk.nobody')}</Checkbox>
      </Flex>
    </Modal>
  );
}

function Outcomes({ outcomes, onOpen }: { outcomes: Schemas['Outcome'][]; onOpen: () => void }) {
  const { t, said } = useText();
  const bad = outcomes.filter((o) => !o.ok).length;
  return (
    <Flex vertical gap={12}>
      <Alert type={bad ? 'warning' : 'success'} showIcon title={t('bulk.summary', { done: outcomes.length - bad, refused: bad })} />
      <Table size="small" rowKey="number" pagination={outcomes.length > 20 ? { pageSize: 20, showSizeChanger: false } : false} scroll={{ x: 'max-content' }}
        dataSource={[...outcomes].sort((a, b) => Number(a.ok) - Number(b.ok))}
        columns={[
          { title: t('col.number'), dataIndex: 'number', width: 110, render: (n: number) => <Link className="num" to={`/orders/${n}`} onClick={onOpen}>{n}</Link> },
          { title: t('col.external'), key: 'external', width: 150, render: (_, o) => o.order && external(o.order) },
          { title: t('bulk.result'), key: 'ok', width: 130, render: (_, o) => (o.order ? <StatusTag status={o.order.status} requested={o.order.requested} /> : <Chip colour="red">{t('bulk.refused')}</Chip>) },
          { title: t('bulk.why'), key: 'why', render: (_, o) => said(o.problem?.detail) },
        ]}
      />
    </Flex>
  );
}
