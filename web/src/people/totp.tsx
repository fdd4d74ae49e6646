// Codes of an app: switched on with a code of it; on and off take the password.
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Flex, Form, Input, Modal, QRCode, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { sentence, useTell } from '../shell/state';
import { Chip } from '../shell/words';

export default function Totp({ on, onChange }: { on: boolean; onChange: () => void }) {
  const { t } = useText();
  const { done } = useTell();
  const [asked, setAsked] = useState<'on' | 'off'>();
  const begin = useMutation({
    mutationFn: (current: string) => ask(hub.POST('/api/v1/me/totp', { body: { current } })), gcTime: 0,
    onSuccess: () => setAsked(undefined),
  });
  const confirm = useMutation({
    mutationFn: (code: string) => ask(hub.PUT('/api/v1/me/totp', { body: { code } })), gcTime: 0,
    onSuccess: () => { begin.reset(); onChange(); },
  });
  const remove = useMutation({
    mutationFn: (current: string) => ask(hub.DELETE('/api/v1/me/totp', { body: { current } })), gcTime: 0,
    onSuccess: () => { done(t('totp.offDone')); setAsked(undefined); confirm.reset(); onChange(); },
  });
  if (confirm.data) return <Codes codes={confirm.data.recovery_codes} onClose={() => confirm.reset()} />;
  if (begin.data) {
    return (
      <Flex gap={20} wrap>
        <QRCode type="svg" value={begin.data.url} size={180} color="#000" bgColor="#fff" aria-label={t('totp.qr')} />
        <Form layout="vertical" requiredMark={false} style={{ flex: '1 1 260px', maxWidth: 420 }} onFinish={(v: { code: string }) => confirm.mutate(v.code.replace(/\s/g, ''))}>
          <Typography.Paragraph>{t('totp.scan')}</Typography.Paragraph>
          <Typography.Paragraph type="secondary">{t('totp.byHand')} <Typography.Text copyable className="mono totp-secret">{begin.data.secret}</Typography.Text></Typography.Paragraph>
          {confirm.error && <Alert type="error" showIcon role="alert" title={sentence(confirm.error, t('state.offline'))} style={{ marginBottom: 12 }} />}
          <Form.Item name="code" label={t('door.totp')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="one-time-code" inputMode="numeric" maxLength={20} autoFocus style={{ width: 160 }} /></Form.Item>
          <Flex gap={8}><Button type="primary" htmlType="submit" loading={confirm.isPending}>{t('totp.on')}</Button><Button onClick={() => { begin.reset(); confirm.reset(); }}>{t('form.close')}</Button></Flex>
        </Form>
      </Flex>
    );
  }
  return (
    <Flex vertical gap={10} align="start">
      <Chip colour={on ? 'green' : 'grey'}>{on ? t('totp.isOn') : t('totp.isOff')}</Chip>
      <Typography.Text type="secondary">{t('totp.hint')}</Typography.Text>
      {on
        ? <Button danger onClick={() => { remove.reset(); setAsked('off'); }}>{t('totp.off')}</Button>
        : <Button type="primary" onClick={() => { begin.reset(); setAsked('on'); }}>{t('totp.begin')}</Button>}
      {asked === 'on' && <Proof name="codes-on" title={t('totp.beginAsk')} hint={t('totp.beginHint')} ok={t('totp.begin')} busy={begin.isPending} error={begin.error} onProof={(current) => begin.mutate(current)} onClose={() => setAsked(undefined)} />}
      {asked === 'off' && <Proof name="codes-off" danger title={t('totp.offAsk')} hint={t('totp.offHint')} ok={t('totp.off')} busy={remove.isPending} error={remove.error} onProof={(current) => remove.mutate(current)} onClose={() => setAsked(undefined)} />}
    </Flex>
  );
}

interface ProofProps {
  name: string;
  title: string;
  hint: string;
  ok: string;
  danger?: boolean;
  busy: boolean;
  error: unknown;
  onProof: (current: string) => void;
  onClose: () => void;
}

// Proof asks for the password: the browser may have been left open. Who signs in with a
// provider has none here and leaves it empty.
function Proof({ name, title, hint, ok, danger = false, busy, error, onProof, onClose }: ProofProps) {
  const { t } = useText();
  const [form] = Form.useForm<{ current?: string }>();
  return (
    <Modal open title={title} okText={ok} cancelText={t('form.cancel')} okButtonProps={{ danger, loading: busy }} onOk={form.submit} onCancel={onClose} width={420}>
      <Form form={form} name={name} layout="vertical" requiredMark={false} onFinish={(v) => onProof(v.current ?? '')}>
        <Typography.Paragraph type="secondary">{hint}</Typography.Paragraph>
        {error != null && <Alert type="error" showIcon role="alert" title={sentence(error, t('state.offline'))} style={{ marginBottom: 12 }} />}
        <Form.Item name="current" label={t('me.current')}><Input.Password autoComplete="current-password" maxLength={1024} autoFocus /></Form.Item>
      </Form>
    </Modal>
  );
}

function Codes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const { t } = useText();
  return (
    <Flex vertical gap={10} align="start">
      <Alert type="success" showIcon title={t('totp.isOn')} description={t('totp.codesHint')} />
      <Typography.Paragraph copyable={{ text: codes.join('\n') }} style={{ margin: 0 }}>
        <ul aria-label={t('totp.codes')} className="mono" style={{ columns: 2, margin: 0, paddingInlineStart: 0, listStyle: 'none' }}>{codes.map((c) => <li key={c}>{c}</li>)}</ul>
      </Typography.Paragraph>
      <Button type="primary" onClick={onClose}>{t('totp.kept')}</Button>
    </Flex>
  );
}
