// The people of the hub and what they may do.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Form, Input, Modal, Popconfirm, Select, Table, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { useSession } from '../shell/session';
import { Shown, useTell } from '../shell/state';
import { Chip } from '../shell/words';

type User = Schemas['UserView'];
type Values = Schemas['NewUser'];

const roles: readonly Values['role'][] = ['owner', 'manager', 'warehouse', 'accountant', 'viewer'];

export default function Users() {
  const { t, word } = useText();
  const { failed } = useTell();
  const client = useQueryClient();
  const session = useSession();
  const me = session.kind === 'in' ? session.user.id : undefined;
  const list = useQuery({ queryKey: ['users'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/users', { signal })) });
  const [edit, setEdit] = useState<Partial<User>>();
  const [password, setPassword] = useState<User>();
  const fresh = () => void client.invalidateQueries({ queryKey: ['users'] });
  const set = useMutation({ mutationFn: (v: { id: number; body: Schemas['UserChange'] }) => ask(hub.PATCH('/api/v1/users/{id}', { params: { path: { id: v.id } }, body: v.body })), onError: failed, onSettled: fresh });
  return (
    <div className="page">
      <Head title={t('nav.users')}><Button type="primary" icon={<PlusOutlined />} onClick={() => setEdit({})}>{t('users.add')}</Button></Head>
      <Shown of={list}>{({ users }) => (
        <Table<User> size="small" rowKey="id" pagination={false} dataSource={users} scroll={{ x: 'max-content' }} columns={[
          { title: t('door.name'), key: 'name', render: (_, u) => <><Typography.Text strong>{u.name || u.login}</Typography.Text>{u.id === me && <Typography.Text type="secondary"> · {t('users.you')}</Typography.Text>}</> },
          { title: t('door.login'), dataIndex: 'login' }, { title: t('users.role'), key: 'role', render: (_, u) => word('role', u.role) },
          { title: t('users.totp'), key: 'totp', render: (_, u) => (u.totp ? t('form.yes') : t('form.no')) },
          { title: t('effects.state'), key: 'state', render: (_, u) => <Chip colour={u.disabled ? 'grey' : 'green'}>{u.disabled ? t('users.disabled') : t('users.active')}</Chip> },
          {
            title: '', key: 'act', render: (_, u) => (
              <Flex gap={8} justify="end" wrap>
                <Button size="small" onClick={() => setEdit(u)}>{t('form.edit')}</Button>{(u.id !== me || !u.password) && <Button size="small" onClick={() => setPassword(u)}>{t('users.password')}</Button>}
                {u.totp && u.id !== me && <Popconfirm title={t('users.totpResetAsk', { name: u.name || u.login })} okText={t('users.totpReset')} onConfirm={() => set.mutate({ id: u.id, body: { reset_totp: true } })}><Button size="small">{t('users.totpReset')}</Button></Popconfirm>}
                {u.id !== me && (u.disabled ? <Button size="small" onClick={() => set.mutate({ id: u.id, body: { disabled: false } })}>{t('users.enable')}</Button>
                  : <Popconfirm title={t('users.disableAsk', { name: u.name || u.login })} description={t('users.disableHint')} okText={t('users.disable')} onConfirm={() => set.mutate({ id: u.id, body: { disabled: true } })}><Button size="small" danger>{t('users.disable')}</Button></Popconfirm>)}
              </Flex>
            ),
          },
        ]} />
      )}</Shown>
      {edit && <Edit user={edit} onClose={() => { setEdit(undefined); fresh(); }} />}
      {password && <Password user={password} onClose={() => setPassword(undefined)} />}
    </div>
  );
}

function Edit({ user, onClose }: { user: Partial<User>; onClose: () => void }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const [form] = Form.useForm<Values>();
  const required = [{ required: true, message: t('form.required') }];
  const save = useMutation({
    mutationFn: (v: Values) => (user.id ? ask(hub.PATCH('/api/v1/users/{id}', { params: { path: { id: user.id } }, body: { name: v.name, role: v.role } })) : ask(hub.POST('/api/v1/users', { body: v }))),
    onSuccess: () => { done(t('form.saved')); onClose(); }, onError: failed,
  });
  return (
    <Modal open title={user.id ? user.login : t('users.add')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={onClose} destroyOnHidden width={420}>
      <Form form={form} layout="vertical" initialValues={{ role: user.role ?? 'manager', name: user.name }} onFinish={(v) => save.mutate(v)}>
        <Form.Item name="name" label={t('door.name')} rules={required}><Input maxLength={100} autoFocus /></Form.Item>
        {!user.id && <Form.Item name="login" label={t('door.login')} rules={required}><Input maxLength={100} autoComplete="off" /></Form.Item>}
        <Form.Item name="role" label={t('users.role')} rules={required}><Select options={roles.map((r) => ({ value: r, label: t(`role.${r}`) }))} /></Form.Item>
        {!user.id && <Form.Item name="password" label={t('door.password')} extra={t('door.passwordHint')} rules={required}><Input.Password maxLength={200} autoComplete="new-password" /></Form.Item>}
      </Form>
    </Modal>
  );
}

function Password({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const [value, setValue] = useState('');
  const save = useMutation({ mutationFn: () => ask(hub.POST('/api/v1/users/{id}/password', { params: { path: { id: user.id } }, body: { password: value } })), onSuccess: () => { done(t('form.saved')); onClose(); }, onError: failed });
  return (
    <Modal open title={t('users.passwordFor', { name: user.name || user.login })} okText={t('form.save')} okButtonProps={{ disabled: !value }} confirmLoading={save.isPending} onOk={() => save.mutate()} onCancel={onClose} width={380}>
      <Input.Password value={value} onChange={(e) => setValue(e.target.value)} maxLength={200} autoComplete="new-password" aria-label={t('door.password')} />
      <Typography.Text type="secondary">{t('door.passwordHint')}</Typography.Text>
    </Modal>
  );
}
