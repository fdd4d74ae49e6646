// The door: first start, signing in, or a token where the hub has no people.
import { Alert, Button, Card, Flex, Form, Input, Spin, Typography } from 'antd';
import { useState } from 'react';
import { Problem, problemOf } from './api';
import { LanguageSwitch, LookSwitch } from './corner';
import icon from './icon.svg';
import { useText } from './i18n';
import { setUp, signIn, start, tryToken, useSession, type Provider } from './session';
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
          {session.kind === 'setup' && <SetUp />}
          {session.kind === 'signin' && <SignIn oidc={session.oidc} />}
          {session.kind === 'token' && <Token />}
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

function SignIn({ oidc }: { oidc: Provider[] }) {
  const { t } = useText();
  const { busy, problem, told, go } = useDoor();
  const [second, setSecond] = useState(false);
  if (problem?.code === 'totp_required' && !second) setSecond(true);
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(v: { login: string; password: string; totp?: string }) => void go(() => signIn(v))}>
      <Typography.Title level={2} style={{ fontSize: 18, marginTop: 0 }}>{t('door.signIn')}</Typography.Title>
      {told}
      <Form.Item name="login" label={t('door.login')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="username" autoFocus maxLength={100} /></Form.Item>
      <Form.Item name="password" label={t('door.password')} rules={[{ required: true, message: t('form.required') }]}><Input.Password autoComplete="current-password" maxLength={200} /></Form.Item>
      {second && <Form.Item name="totp" label={t('door.totp')} rules={[{ required: true, message: t('form.required') }]}><Input inputMode="numeric" autoComplete="one-time-code" autoFocus maxLength={10} /></Form.Item>}
      <Button type="primary" htmlType="submit" block loading={busy}>{t('door.signIn')}</Button>
      {oidc.map((p) => <Button key={p.name} block href={p.url} style={{ marginTop: 8 }}>{t('door.with', { name: p.name })}</Button>)}
    </Form>
  );
}

function SetUp() {
  const { t } = useText();
  const { busy, problem, told, go } = useDoor();
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(v: { login: string; name: string; password: string; setup_code?: string }) => void go(() => setUp(v))}>
      <Typography.Title level={2} style={{ fontSize: 18, marginTop: 0 }}>{t('door.setUp')}</Typography.Title>
      <Typography.Paragraph type="secondary">{t('door.setUpHint')}</Typography.Paragraph>
      {told}
      <Form.Item name="name" label={t('door.name')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="name" autoFocus maxLength={100} /></Form.Item>
      <Form.Item name="login" label={t('door.login')} rules={[{ required: true, message: t('form.required') }]}><Input autoComplete="username" maxLength={100} /></Form.Item>
      <Form.Item name="password" label={t('door.password')} rules={[{ required: true, message: t('form.required') }]}><Input.Password autoComplete="new-password" maxLength={200} /></Form.Item>
      <Form.Item name="setup_code" label={t('door.setupCode')} extra={t('door.setupCodeHint')} validateStatus={problem?.fields.setup_code ? 'error' : undefined}><Input autoComplete="off" maxLength={100} /></Form.Item>
      <Button type="primary" htmlType="submit" block loading={busy}>{t('door.begin')}</Button>
    </Form>
  );
}

function Token() {
  const { t } = useText();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(false);
  const submit = async ({ token }: { token: string }) => {
    setBusy(true);
    setRefused(!(await tryToken(token).catch(() => false)));
    setBusy(false);
  };
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(v: { token: string }) => void submit(v)}>
      <Typography.Title level={2} style={{ fontSize: 18, marginTop: 0 }}>{t('door.token')}</Typography.Title>
      <Typography.Paragraph type="secondary">{t('door.tokenHint')}</Typography.Paragraph>
      {refused && <Alert type="error" showIcon role="alert" title={t('door.tokenRefused')} style={{ marginBottom: 12 }} />}
      <Form.Item name="token" label={t('door.tokenLabel')} rules={[{ required: true, message: t('form.required') }]}><Input.Password autoComplete="off" autoFocus maxLength={200} /></Form.Item>
      <Button type="primary" htmlType="submit" block loading={busy}>{t('door.signIn')}</Button>
    </Form>
  );
}
