// What can be done with an order next, and why the rest cannot.
import { CheckOutlined, PauseOutlined, PlayCircleOutlined, StopOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Flex, Form, Input, Modal, Popover, Select, Tooltip, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { useTell } from '../shell/state';
import type { CardData } from './card';
import { CancelUnits } from './units';

const ladder = ['new', 'confirmed', 'packed', 'shipped', 'ready_for_pickup', 'delivered'];

/** useChange makes a change of an order and looks at it anew. */
export function useChange<V>(number: number, change: (v: V) => Promise<unknown>, said?: string) {
  const client = useQueryClient();
  const { failed, done } = useTell();
  return useMutation({
    mutationFn: change,
    onSuccess: () => { if (said) done(said); },
    onError: failed,
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['order', number] });
      void client.invalidateQueries({ queryKey: ['orders'] });
    },
  });
}

interface Wish {
  to: string;
  reason?: string;
  comment?: string;
}

export function Actions({ o }: { o: CardData }) {
  const { t, word, said } = useText();
  const can = useCan();
  const [cancelling, setCancelling] = useState(false);
  const move = useChange(o.number, (w: Wish) => ask(hub.POST('/api/v1/orders/{number}/transitions', { params: { path: { number: o.number } }, body: w as never })));
  const cancel = o.next.find((n) => n.to === 'cancelled');
  const steps = o.next.filter((n) => n.to !== 'cancelled');
  if (!can('orders.work')) return null;
  return (
    <Flex vertical gap={8}>
      <Flex gap={8} wrap>
        {steps.map((n, i) => (
          <Tooltip key={n.to} title={[t(`kind.${n.kind as 'push'}`), said(n.note)].filter(Boolean).join(' ')}>
            <Button type={i === 0 ? 'primary' : 'default'} icon={i === 0 ? <CheckOutlined /> : undefined} disabled={move.isPending} loading={move.isPending && move.variables.to === n.to} onClick={() => move.mutate({ to: n.to })}>
              {word('step', n.to)}
            </Button>
          </Tooltip>
        ))}
        <Hold o={o} />
        {o.holds.includes('short') && <Requeue o={o} />}
        {['rfbs', 'dbs', 'site'].includes(o.scheme) && ladder.indexOf(o.status) >= 0 && <Tracking o={o} />}
        {cancel && <CancelUnits o={o} reasons={cancel.reasons ?? []} />}
        {cancel && <Button danger icon={<StopOutlined />} onClick={() => setCancelling(true)}>{t('step.cancelled')}</Button>}
      </Flex>
      <WhyNot o={o} />
      {cancel && <Cancel open={cancelling} reasons={cancel.reasons ?? []} busy={move.isPending} onClose={() => setCancelling(false)} onCancel={(w) => move.mutate(w, { onSuccess: () => setCancelling(false) })} />}
    </Flex>
  );
}

// WhyNot says what stands between the order and its next step.
function WhyNot({ o }: { o: CardData }) {
  const { t, word, said } = useText();
  const channels = useQuery({ queryKey: ['channels'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/channels', { signal })), staleTime: 3_600_000 });
  const at = ladder.indexOf(o.status);
  const next = ladder[at + 1];
  const why: string[] = [];
  if (o.read_only) why.push(t('whynot.readOnly'));
  else if (o.requested) why.push(t('whynot.requested', { status: word('status', o.requested) }));
  else if (o.status === 'pending') why.push(t('whynot.pending'));
  else if (next && at >= 0 && !o.next.some((n) => n.to === next)) {
    const steps = channels.data?.channels.find((c) => c.name === o.channel)?.steps ?? [];
    const step = steps.find((s) => s.to === next && s.scheme === o.scheme) ?? steps.find((s) => s.to === next && !s.scheme);
    if (o.holds.length) why.push(t('whynot.held', { holds: o.holds.map((h) => word('hold', h)).join(', ') }));
    else if (!step || step.kind === 'observed') why.push([t('whynot.observed', { status: word('status', next) }), said(step?.note)].filter(Boolean).join(' '));
  }
  if (why.length === 0) return null;
  return <Typography.Text type="secondary">{why.join(' ')}</Typography.Text>;
}

interface CancelProps {
  open: boolean;
  reasons: { code: string; title: string; needs_comment?: boolean }[];
  busy: boolean;
  onClose: () => void;
  onCancel: (w: Wish) => void;
}

function Cancel({ open, reasons, busy, onClose, onCancel }: CancelProps) {
  const { t, said } = useText();
  const [form] = Form.useForm<{ reason?: string; comment?: string }>();
  const chosen = Form.useWatch('reason', form);
  const needs = reasons.find((r) => r.code === chosen)?.needs_comment;
  return (
    <Modal open={open} title={t('cancel.title')} okText={t('cancel.ok')} okButtonProps={{ danger: true }} confirmLoading={busy} onCancel={onClose} onOk={() => form.submit()} destroyOnHidden>
      <Typography.Paragraph type="secondary">{t('cancel.hint')}</Typography.Paragraph>
      <Form form={form} layout="vertical" onFinish={(v) => onCancel({ to: 'cancelled', ...v })}>
        {reasons.length > 0 && (
          <Form.Item name="reason" label={t('cancel.reason')} rules={[{ required: true, message: t('form.required') }]}>
            <Select options={reasons.map((r) => ({ value: r.code, label: said(r.title) }))} />
          </Form.Item>
        )}
        <Form.Item name="comment" label={t('cancel.comment')} rules={[{ required: needs, message: t('form.required') }]}><Input.TextArea rows={2} maxLength={1000} /></Form.Item>
      </Form>
    </Modal>
  );
}

function Hold({ o }: { o: CardData }) {
  const { t } = useText();
  const on = o.holds.includes('manual');
  const [open, setOpen] = useState(false);
  const [why, setWhy] = useState('');
  const set = useChange(o.number, (body: { on: boolean; why?: string }) => ask(hub.POST('/api/v1/orders/{number}/hold', { params: { path: { number: o.number } }, body })));
  if (on) return <Button icon={<PlayCircleOutlined />} loading={set.isPending} onClick={() => set.mutate({ on: false })}>{t('hold.lift')}</Button>;
  if (!ladder.slice(0, 3).includes(o.status) && o.status !== 'pending') return null;
  const submit = () => set.mutate({ on: true, why: why || undefined }, { onSuccess: () => setOpen(false) });
  return (
    <Popover trigger="click" open={open} onOpenChange={setOpen} content={
      <Flex gap={8} style={{ width: 320 }}>
        <Input value={why} onChange={(e) => setWhy(e.target.value)} placeholder={t('hold.why')} aria-label={t('hold.why')} maxLength={500} onPressEnter={submit} />
        <Button type="primary" loading={set.isPending} onClick={submit}>{t('hold.put')}</Button>
      </Flex>
    }>
      <Button icon={<PauseOutlined />}>{t('hold.put')}</Button>
    </Popover>
  );
}

function Requeue({ o }: { o: CardData }) {
  const { t } = useText();
  const go = useChange(o.number, () => ask(hub.POST('/api/v1/orders/{number}/requeue', { params: { path: { number: o.number } } })), t('order.requeued'));
  return <Tooltip title={t('order.requeueHint')}><Button loading={go.isPending} onClick={() => go.mutate(undefined)}>{t('order.requeue')}</Button></Tooltip>;
}

function Tracking({ o }: { o: CardData }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const give = useChange(o.number, (body: { tracking: string; carrier?: string }) => ask(hub.POST('/api/v1/orders/{number}/tracking', { params: { path: { number: o.number } }, body })));
  return (
    <Popover trigger="click" open={open} onOpenChange={setOpen} content={
      <Form layout="vertical" style={{ width: 280 }} initialValues={{ tracking: o.shipping.tracking, carrier: '' }}
        onFinish={(v: { tracking: string; carrier?: string }) => give.mutate({ tracking: v.tracking.trim(), carrier: v.carrier?.trim() || undefined }, { onSuccess: () => setOpen(false) })}>
        <Form.Item name="tracking" label={t('ship.tracking')} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={100} /></Form.Item>
        <Form.Item name="carrier" label={t('ship.carrierId')}><Input maxLength={100} /></Form.Item>
        <Button type="primary" htmlType="submit" loading={give.isPending}>{t('form.save')}</Button>
      </Form>
    }>
      <Button>{t('ship.tracking')}</Button>
    </Popover>
  );
}

export function CancelRequest({ o }: { o: CardData }) {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  const [reason, setReason] = useState('');
  const [refusing, setRefusing] = useState(false);
  const answer = useChange(o.number, (body: { accept: boolean; reason?: string }) => ask(hub.POST('/api/v1/orders/{number}/cancel-answer', { params: { path: { number: o.number } }, body })), t('cancel.answered'));
  return (
    <Alert type="error" showIcon title={t('cancel.asked')} description={
      <Flex vertical gap={8}>
        {o.cancel_request?.answer_by && <span>{t('cancel.answerBy', { at: f.full(o.cancel_request.answer_by) })}</span>}
        {can('orders.work') && (refusing
          ? <Flex gap={8}><Input value={reason} onChange={(e) => setReason(e.target.value)} maxLength={100} placeholder={t('cancel.reason')} aria-label={t('cancel.reason')} /><Button loading={answer.isPending} onClick={() => answer.mutate({ accept: false, reason: reason || undefined })}>{t('cancel.refuse')}</Button></Flex>
          : <Flex gap={8}><Button danger loading={answer.isPending} onClick={() => answer.mutate({ accept: true })}>{t('cancel.accept')}</Button><Button onClick={() => setRefusing(true)}>{t('cancel.refuse')}</Button></Flex>)}
      </Flex>
    } />
  );
}
