// Units that are taken out of an order which goes on without them.
import { Alert, Button, Flex, Form, Input, InputNumber, Modal, Select, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useChange } from './actions';
import type { CardData } from './card';

interface Values {
  reason?: string;
  comment?: string;
}

/** CancelUnits asks which units go and why. An order of one unit has nothing to take
 * out: it is cancelled. */
export function CancelUnits({ o, reasons }: { o: CardData; reasons: Schemas['Reason'][] }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  if (o.units < 2) return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t('units.cancel')}</Button>
      {open && <Ask o={o} reasons={reasons} onClose={() => setOpen(false)} />}
    </>
  );
}

function Ask({ o, reasons, onClose }: { o: CardData; reasons: Schemas['Reason'][]; onClose: () => void }) {
  const { t, said } = useText();
  const f = useFormat();
  const [units, setUnits] = useState<Record<number, number>>({});
  const [form] = Form.useForm<Values>();
  const chosen = Form.useWatch('reason', form);
  const needs = reasons.find((r) => r.code === chosen)?.needs_comment;
  const lines = Object.entries(units).filter(([, n]) => n > 0).map(([line, n]) => ({ line: Number(line), units: n }));
  const count = lines.reduce((n, l) => n + l.units, 0);
  const all = count === o.lines.reduce((n, l) => n + l.quantity, 0);
  const cancel = useChange(o.number, (v: Values) => ask(hub.POST('/api/v1/orders/{number}/cancel-lines', { params: { path: { number: o.number } }, body: { lines, reason: v.reason, comment: v.comment || undefined } })), t('units.asked'));
  return (
    <Modal open title={t('units.title')} okText={all ? t('cancel.ok') : t('units.ok', { count })} okButtonProps={{ danger: true, disabled: count === 0 }} confirmLoading={cancel.isPending} onOk={() => form.submit()} onCancel={onClose}>
      <Typography.Paragraph type="secondary">{t('units.hint')}</Typography.Paragraph>
      <Flex vertical gap={8} style={{ marginBottom: 12 }}>
        {o.lines.map((l, i) => (
          <Flex key={`${l.id ?? ''}${l.sku}${i}`} justify="space-between" align="center" gap={12}>
            <span style={{ minWidth: 0 }}>{l.name || l.sku}<div><Typography.Text type="secondary" className="mono">{l.sku}</Typography.Text></div></span>
            <Flex gap={6} align="center" flex="none">
              <InputNumber min={0} max={l.quantity} precision={0} value={units[i] ?? 0} onChange={(n) => setUnits({ ...units, [i]: n ?? 0 })} style={{ width: 76 }} aria-label={t('units.ofLine', { name: l.name || l.sku })} />
              <Typography.Text type="secondary" className="nowrap">{t('units.of', { count: f.number(l.quantity) })}</Typography.Text>
            </Flex>
          </Flex>
        ))}
      </Flex>
      {all && <Alert type="warning" showIcon title={t('units.all')} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" onFinish={(v) => cancel.mutate(v, { onSuccess: onClose })}>
        {reasons.length > 0 && <Form.Item name="reason" label={t('cancel.reason')} rules={[{ required: true, message: t('form.required') }]}><Select options={reasons.map((r) => ({ value: r.code, label: said(r.title) }))} /></Form.Item>}
        <Form.Item name="comment" label={t('cancel.comment')} rules={[{ required: needs, message: t('form.required') }]}><Input.TextArea rows={2} maxLength={1000} /></Form.Item>
      </Form>
    </Modal>
  );
}

/** Removed tells what was taken out already. */
export function Removed({ o }: { o: CardData }) {
  const { t, word } = useText();
  const f = useFormat();
  return (
    <Flex vertical gap={4} style={{ marginTop: 8 }}>
      {o.removed.map((r, i) => (
        <Typography.Text key={i} type="secondary">
          {t('units.removed', { count: r.units, sku: r.name || r.sku })} · {[f.at(r.at), word('cancelBy', r.by), r.reason].filter(Boolean).join(', ')}
        </Typography.Text>
      ))}
    </Flex>
  );
}
