// Keys for programs.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Modal, Popconfirm, Select, Table, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { useSession } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Chip } from '../shell/words';

type Token = Schemas['TokenView'];
type Scopes = Schemas['NewToken']['scopes'];

const lives = [30, 90, 365, 0] as const;

export default function Tokens() {
  const { t } = useText();
  const f = useFormat();
  const { failed } = useTell();
  const client = useQueryClient();
  const list = useQuery({ queryKey: ['tokens'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/tokens', { signal })) });
  const [adding, setAdding] = useState(false);
  const fresh = () => void client.invalidateQueries({ queryKey: ['tokens'] });
  const remove = useMutation({ mutationFn: (id: number) => ask(hub.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } })), onError: failed, onSettled: fresh });
  return (
    <div className="page">
      <Head title={t('nav.tokens')}><Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t('tokens.add')}</Button></Head>
      <Shown of={list}>{({ tokens }) => tokens.length === 0 ? <Nothing text={t('tokens.none')} /> : (
        <Table<Token> size="small" rowKey="id" pagination={false} dataSource={tokens} scroll={{ x: 'max-content' }} columns={[
          { title: t('products.name'), dataIndex: 'name', render: (n: string) => <Typography.Text strong>{n}</Typography.Text> },
          { title: t('tokens.scopes'), key: 'scopes', render: (_, k) => <div style={{ maxWidth: 420, whiteSpace: 'normal' }}>{k.full ? t('tokens.all') : k.scopes.join(', ')}</div> },
          { title: t('tokens.made'), key: 'made', render: (_, k) => [f.at(k.created_at), k.created_by].filter(Boolean).join(' · ') },
          { title: t('tokens.until'), key: 'until', render: (_, k) => (k.expired ? <Chip colour="grey">{t('tokens.expired')}</Chip> : f.day(k.expires_at) || t('tokens.forever')) },
          { title: '', key: 'act', render: (_, k) => <Popconfirm title={t('notify.removeAsk', { name: k.name })} description={t('tokens.removeHint')} okText={t('form.remove')} onConfirm={() => remove.mutate(k.id)}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm> },
        ]} />
      )}</Shown>
      {adding && <Add onClose={() => { setAdding(false); fresh(); }} />}
    </div>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const { failed } = useTell();
  const session = useSession();
  const [form] = Form.useForm<{ name: string; scopes: Scopes; days: number }>();
  const add = useMutation({
    mutationFn: (v: { name: string; scopes: Scopes; days: number }) => ask(hub.POST('/api/v1/tokens', { body: { name: v.name.trim(), scopes: v.scopes, expires_at: v.days ? new Date(Date.now() + v.days * 86_400_000).toISOString() : undefined } })),
    onError: failed,
  });
  const made = add.data?.token;
  return (
    <Modal open title={t('tokens.add')} onCancel={onClose} destroyOnHidden footer={made ? <Button type="primary" onClick={onClose}>{t('form.close')}</Button> : undefined} okText={t('form.add')} confirmLoading={add.isPending} onOk={() => form.submit()}>
      {made
        ? <Alert type="success" showIcon title={t('tokens.once')} description={<Typography.Text copyable className="mono">{made}</Typography.Text>} />
        : (
          <Form form={form} layout="vertical" initialValues={{ days: 365 }} onFinish={(v) => add.mutate(v)}>
            <Form.Item name="name" label={t('products.name')} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={100} autoFocus /></Form.Item>
            <Form.Item name="scopes" label={t('tokens.scopes')} rules={[{ required: true, message: t('form.required') }]}>
              <Select mode="multiple" options={[...(session.kind === 'in' ? session.permissions : [])].map((p) => ({ value: p, label: p }))} />
            </Form.Item>
            <Form.Item name="days" label={t('tokens.until')}><Select options={lives.map((d) => ({ value: d, label: d ? t('tokens.days', { count: d }) : t('tokens.forever') }))} /></Form.Item>
          </Form>
        )}
    </Modal>
  );
}
