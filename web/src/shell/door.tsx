// The door: first start, or signing in.
import { Alert, Button, Card, Flex, Form, Input, Spin, Typography } from 'antd';
import { useState } from 'react';
import { Problem, problemOf } from './api';
import { LanguageSwitch, LookSwitch } from './corner';
import icon from './icon.svg';
import { useText } from './i18n';
import { setUp, setupCode, signIn, start, useSession, type Provider } from './session';
import { sentence } from './state';

export default function Door() {
  const session = useSession();
  const { t } = useText();
  return (
    <main style={{ minHeight: '100vh', display: 'grid', placeItems: 'center', padding: 16 }}>
      <Flex vertical gap={12} style={{ width: '100%', maxWidth: 380 }}>
        <Flex justify="space-between" align="center">
          <Flex gap={10} align="center"><img src={icon} alt="" width={32} height={32} /><Typography.Title level={1} style={{ margin: 0, fontSize: 22 }}>orderhub</Typography.Title></Flex>
          <Flex><LanguageSwitch /><LookSwitch /></Flex>
        </Flex>
        <Card styles={{ body: { padding: 20 } }}>
          {session.kind === 'starting' && <Spin />}
          {session.kind === 'unreachable' && (
            <Flex vertical gap={12}><Alert type="warning" showIcon title={t('state.offline')} description={t('state.offlineHint')} /><Button type="primary" onClick={() => void start()}>{t('state.again')}</Button></Flex>
          )}
          {session.kind === 'setup' && <SetUp codeNeeded={session.codeNeeded} />}
          {session.kind === 'signin' && <SignIn oidc={session.oidc} ended={session.ended} />}
        </Card>
      </Flex>
    </main>
  );
}

function useDoor() {
  const { t } = useText();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const go = async (f: () => Promise<Response | undefined>) => {
    setBusy(true);
    try {
      const refused = await f();
      setProblem(refused && (await problemOf(refused)));
    } catch {
      setProblem(new Problem(0, '', 'offline'));
    }
    setBusy(false);
  };
  const told = problem && problem.code !== 'totp_required' && <Alert type="error" showIcon role="alert" title={sentence(problem, t('state.offline'))} style={{ marginBottom: 12 }} />;
  return { busy, problem, told, go };
}

// What a sign-in provider's way back may say in the address.
const backs = ['denied', 'throttled', 'unavailable'] as const;

function SignIn({ oidc, ended }: { oidc: Provider[]; ended: boolean }) {
  const { t } = useText();
  const back = backs.find((b) => b === new URLSearchParams(location.search).get('error'));
  const { busy, problem, told, go } = useDoor();
  const [second, setSecond] = useState(false);
  if (problem?.code === 'totp_required' && !second) setSecond(true);
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(v: { login: string; password: string; totp?: string }) => void go(() => signIn(v))}>
      <Typography.Title level={2} style={{ fontSize: 18, marginTop: 0 }}>{t('door.signIn')}</Typography.Title>
      {told}
      {!told && ended && <Alert type="info" showIcon title={t('door.ended')} style={{ marginBottom: 12 }} />}
      {!told && !ended && back && <Alert type="error" showIcon role="alert" title={t(`door.back.${back}`)} style={{ marginBottom: 12 }} />}
      <Form.Item name="login" label={t('door.login')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="username" autoFocus maxLength={100} /></Form.Item>
      <Form.Item name="password" label={t('door.password')} rules={[{ required: true, message: t('form.required') }]}><Input.Password autoComplete="current-password" maxLength={200} /></Form.Item>
      {second && <Form.Item name="totp" label={t('door.totp')} extra={t('door.totpHint')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="one-time-code" autoFocus maxLength={100} /></Form.Item>}
      <Button type="primary" htmlType="submit" block loading={busy}>{t('door.signIn')}</Button>
      {oidc.map((p) => <Button key={p.name} block href={p.url} style={{ marginTop: 8 }}>{t('door.with', { name: p.name })}</Button>)}
    </Form>
  );
}

function SetUp({ codeNeeded }: { codeNeeded: boolean }) {
  const { t, lang } = useText();
  const { busy, problem, told, go } = useDoor();
  return (
    <Form layout="vertical" requiredMark={false} initialValues={{ setup_code: setupCode() }} onFinish={(v: { login: string; name: string; password: string; setup_code?: string }) => void go(() => setUp({ ...v, language: lang, setup_code: codeNeeded ? v.setup_code?.trim() : undefined }))}>
      <Typography.Title level={2} style={{ fontSize: 18, marginTop: 0 }}>{t('door.setUp')}</Typography.Title>
      <Typography.Paragraph type="secondary">{t('door.setUpHint')}</Typography.Paragraph>
      {told}
      <Form.Item name="name" label={t('door.name')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="name" autoFocus maxLength={100} /></Form.Item>
      <Form.Item name="login" label={t('door.login')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="username" maxLength={100} /></Form.Item>
      <Form.Item name="password" label={t('door.password')} extra={t('door.passwordHint')} rules={[{ required: true, message: t('form.required') }]}><Input.Password autoComplete="new-password" maxLength={200} /></Form.Item>
      {codeNeeded && <Form.Item name="setup_code" label={t('door.setupCode')} extra={t('door.setupCodeHint')} rules={[{ required: true, message: t('form.required') }]} validateStatus={problem?.fields.setup_code ? 'error' : undefined}><Input autoComplete="off" maxLength={100} /></Form.Item>}
      <Button type="primary" htmlType="submit" block loading={busy}>{t('door.begin')}</Button>
    </Form>
  );
}
