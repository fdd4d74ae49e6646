// One's own page: password, codes of an app, sessions, language, look.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Flex, Form, Input, Popconfirm, Segmented, Table, Typography } from 'antd';
import { Suspense, useState, type ReactNode } from 'react';
import { ask, hub, Problem, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { lazyPage, setLanguage, useText, type Language } from '../shell/i18n';
import { renewed, start, useSession } from '../shell/session';
import { sentence, Shown, useTell } from '../shell/state';
import { setLook, useLook } from '../shell/theme';
import { Ago, Chip } from '../shell/words';

const Totp = lazyPage('people/totp', () => import('./totp'));

export default function Me() {
  const { t, word } = useText();
  const session = useSession();
  if (session.kind !== 'in') return null;
  const { name, login, role } = session.user;
  return (
    <div className="page" style={{ maxWidth: 860 }}>
      <Head title={t('nav.me')} />
      <Typography.Paragraph type="secondary">{[name || login, name && login, word('role', role)].filter(Boolean).join(' · ')}</Typography.Paragraph>
      <Flex vertical gap={12}>
        <Part title={t('me.look')}><Tastes /></Part>
        <Part title={t('door.password')}><Password login={login} /></Part>
        <Part title={t('users.totp')}><Suspense><Totp on={session.user.totp} onChange={() => void start()} /></Suspense></Part>
        <Part title={t('me.sessions')}><Sessions /></Part>
      </Flex>
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return <Card size="small" title={<Typography.Title level={2} style={{ margin: 0, fontSize: 15 }}>{title}</Typography.Title>}>{children}</Card>;
}

function Tastes() {
  const { t, lang } = useText();
  const look = useLook();
  return (
    <Flex gap={16} wrap align="center">
      <Segmented aria-label={t('nav.language')} value={lang} onChange={(l: Language) => void setLanguage(l)} options={[{ value: 'ru', label: 'Русский' }, { value: 'en', label: 'English' }]} />
      <Segmented aria-label={t('nav.look')} value={look} onChange={setLook} options={(['light', 'dark', 'system'] as const).map((l) => ({ value: l, label: t(`look.${l}`) }))} />
      <Typography.Text type="secondary">{t('me.lookHint')}</Typography.Text>
    </Flex>
  );
}

interface Passwords {
  current: string;
  password: string;
  again: string;
}

function Password({ login }: { login: string }) {
  const { t } = useText();
  const { done } = useTell();
  const client = useQueryClient();
  const [form] = Form.useForm<Passwords>();
  const save = useMutation({
    mutationFn: (v: Passwords) => ask(hub.POST('/api/v1/me/password', { body: { current: v.current, password: v.password } })),
    onSuccess: (session) => {
      renewed(session); // the old sessions are over, this one's successor is in the answer
      form.resetFields();
      done(t('me.passwordDone'));
      void client.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  const fields = save.error instanceof Problem ? save.error.fields : {};
  const required = { required: true, message: t('form.required') };
  const wrong = (key: string) => (fields[key] ? { validateStatus: 'error' as const, help: fields[key].replace(/^\w+: /, '') } : {});
  return (
    <Form form={form} layout="vertical" requiredMark={false} style={{ maxWidth: 380 }} onFinish={(v) => save.mutate(v)}>
      {save.error && Object.keys(fields).length === 0 && <Alert type="error" showIcon role="alert" title={sentence(save.error, t('state.offline'))} style={{ marginBottom: 12 }} />}
      <input type="text" name="username" autoComplete="username" value={login} readOnly hidden />
      <Form.Item name="current" label={t('me.current')} rules={[required]} {...wrong('current')}><Input.Password autoComplete="current-password" maxLength={200} /></Form.Item>
      <Form.Item name="password" label={t('me.new')} extra={t('door.passwordHint')} rules={[required]} {...wrong('password')}><Input.Password autoComplete="new-password" maxLength={200} /></Form.Item>
      <Form.Item name="again" label={t('me.again')} dependencies={['password']} rules={[required, ({ getFieldValue }) => ({
        validator: (_, v: string) => (!v || v === getFieldValue('password') ? Promise.resolve() : Promise.reject(new Error(t('me.differ')))),
      })]}><Input.Password autoComplete="new-password" maxLength={200} /></Form.Item>
      <Flex gap={12} align="center" wrap><Button type="primary" htmlType="submit" loading={save.isPending}>{t('me.change')}</Button><Typography.Text type="secondary">{t('me.changeHint')}</Typography.Text></Flex>
    </Form>
  );
}

type Open = Schemas['OpenSession'];

// browser names what a browser says of itself, shortly.
function browser(agent: string | undefined) {
  const name = /(Edg|OPR|YaBrowser|Firefox|Chrome|Safari)/.exec(agent ?? '')?.[1];
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', YaBrowser: 'Yandex Browser' };
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent ?? '')?.[1];
  return [name && (names[name] ?? name), system].filter(Boolean).join(', ') || agent || '–';
}

function Sessions() {
  const { t } = useText();
  const f = useFormat();
  const { failed } = useTell();
  const client = useQueryClient();
  const list = useQuery({ queryKey: ['sessions'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/me/sessions', { signal })), select: (s) => s.sessions });
  const [busy, setBusy] = useState(false);
  const others = (list.data ?? []).filter((s) => !s.current);
  const drop = async (which: Open[]) => {
    setBusy(true);
    try {
      for (const s of which) await ask(hub.DELETE('/api/v1/me/sessions/{id}', { params: { path: { id: s.id } } }));
    } catch (e) {
      failed(e);
    }
    setBusy(false);
    void client.invalidateQueries({ queryKey: ['sessions'] });
  };
  return (
    <Shown of={list} rows={3}>{(sessions) => (
      <Flex vertical gap={10}>
        <Table<Open> size="small" rowKey="id" pagination={false} dataSource={sessions} scroll={{ x: 'max-content' }} columns={[
          { title: t('me.where'), key: 'where', render: (_, s) => <>{browser(s.agent)}{s.current && <> <Chip colour="green">{t('me.here')}</Chip></>}</> },
          { title: t('me.address'), dataIndex: 'address' },
          { title: t('me.began'), key: 'began', render: (_, s) => f.at(s.created_at) },
          { title: t('me.seen'), key: 'seen', render: (_, s) => <Ago at={s.seen_at} /> },
          { title: '', key: 'act', render: (_, s) => !s.current && <Button size="small" disabled={busy} onClick={() => void drop([s])}>{t('door.signOut')}</Button> },
        ]} />
        {others.length > 0 && (
          <div><Popconfirm title={t('me.othersAsk', { count: others.length })} okText={t('door.signOut')} onConfirm={() => drop(others)}><Button danger loading={busy}>{t('me.others')}</Button></Popconfirm></div>
        )}
      </Flex>
    )}</Shown>
  );
}
