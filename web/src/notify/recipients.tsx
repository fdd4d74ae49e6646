// Those who are told.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Flex, Form, Input, Modal, Popconfirm, Radio, Select, Table, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { Nothing, Shown, useTell } from '../shell/state';
import { Chip } from '../shell/words';

type Recipient = Schemas['RecipientView'];
type NewRecipient = Schemas['NewRecipient'];

export function useRecipients() {
  return useQuery({ queryKey: ['recipients'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/notify/recipients', { signal })), select: (r) => r.recipients });
}

export function Recipients() {
  const { t, word, said } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const list = useRecipients();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Recipient>();
  const fresh = () => void client.invalidateQueries({ queryKey: ['recipients'] });
  const test = useMutation({ mutationFn: (id: number) => ask(hub.POST('/api/v1/notify/recipients/{id}/test', { params: { path: { id } } })), onSuccess: () => done(t('notify.tested')), onError: failed });
  const remove = useMutation({ mutationFn: (id: number) => ask(hub.DELETE('/api/v1/notify/recipients/{id}', { params: { path: { id } } })), onError: failed, onSettled: fresh });
  const add = <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t('notify.addRecipient')}</Button>;
  return (
    <>
      <Shown of={list}>{(rows) => rows.length === 0 ? <Nothing text={t('notify.noRecipients')} hint={t('notify.noRecipientsHint')}>{add}</Nothing> : (
        <Flex vertical gap={10}>
          <Flex justify="end">{add}</Flex>
          <Table<Recipient> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
            { title: t('products.name'), dataIndex: 'name', render: (n: string) => <Typography.Text strong>{n}</Typography.Text> },
            { title: t('notify.way'), key: 'kind', render: (_, r) => <>{word('recipient', r.kind)}{r.address && <Typography.Text type="secondary"> · {r.address}</Typography.Text>}</> },
            { title: t('effects.state'), key: 'state', render: (_, r) => <Chip colour={r.problem ? 'red' : r.state === 'waiting' ? 'amber' : 'green'}>{r.problem ? said(r.problem) : word('recipientState', r.state)}</Chip> },
            { title: t('nav.language'), dataIndex: 'language', render: (l: string) => l.toUpperCase() },
            { title: '', key: 'act', width: 200, render: (_, r) => <Flex gap={8} justify="end"><Button size="small" loading={test.isPending && test.variables === r.id} onClick={() => test.mutate(r.id)}>{t('notify.test')}</Button><Popconfirm title={t('notify.removeAsk', { name: r.name })} okText={t('form.remove')} onConfirm={() => remove.mutate(r.id)}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm></Flex> },
          ]} />
        </Flex>
      )}</Shown>
      {adding && <Add onClose={(r) => { setAdding(false); setMade(r && (r.code || r.secret) ? r : undefined); fresh(); }} />}
      {made && <Once r={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

// Once shows what is shown once only.
function Once({ r, onClose }: { r: Recipient; onClose: () => void }) {
  const { t } = useText();
  const f = useFormat();
  return (
    <Modal open title={r.name} onCancel={onClose} footer={<Button type="primary" onClick={onClose}>{t('form.close')}</Button>}>
      {r.code && <Alert type="info" showIcon title={t('notify.code')} description={<><Typography.Text copyable className="mono" strong>{`/start ${r.code}`}</Typography.Text><div>{t('notify.codeUntil', { at: f.full(r.code_until) })}</div></>} />}
      {r.secret && <Alert type="info" showIcon title={t('notify.secret')} description={<Typography.Text copyable className="mono">{r.secret}</Typography.Text>} />}
    </Modal>
  );
}

function Add({ onClose }: { onClose: (made?: Recipient) => void }) {
  const { t, lang } = useText();
  const { failed } = useTell();
  const [form] = Form.useForm<NewRecipient>();
  const kind = Form.useWatch('kind', form) ?? 'telegram';
  const add = useMutation({ mutationFn: (body: NewRecipient) => ask(hub.POST('/api/v1/notify/recipients', { body })), onSuccess: (r) => onClose(r), onError: failed });
  return (
    <Modal open title={t('notify.addRecipient')} okText={t('form.add')} confirmLoading={add.isPending} onOk={() => form.submit()} onCancel={() => onClose()} destroyOnHidden>
      <Form form={form} layout="vertical" initialValues={{ kind: 'telegram', language: lang }} onFinish={(v) => add.mutate(v)}>
        <Form.Item name="kind" label={t('notify.way')}><Radio.Group optionType="button" options={(['telegram', 'email', 'webhook'] as const).map((k) => ({ value: k, label: t(`recipient.${k}`) }))} /></Form.Item>
        <Form.Item name="name" label={t('products.name')} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={100} autoFocus /></Form.Item>
        {kind !== 'telegram' && <Form.Item name="address" label={t(`notify.address.${kind}`)} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={500} type={kind === 'email' ? 'email' : 'url'} /></Form.Item>}
        {kind === 'telegram' && <Typography.Paragraph type="secondary">{t('notify.telegramHint')}</Typography.Paragraph>}
        <Form.Item name="language" label={t('nav.language')}><Select options={[{ value: 'ru', label: 'Русский' }, { value: 'en', label: 'English' }]} /></Form.Item>
      </Form>
    </Modal>
  );
}
