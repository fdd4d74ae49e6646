// An exchange to add or to change, and its password, which is shown once.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Flex, Form, Input, Modal, Select, Typography } from 'antd';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { useTell } from '../shell/state';

export type Node = Schemas['OnecView'];

interface Values {
  name: string;
  login?: string;
  buyer?: string;
  flavour?: Node['flavour'];
  stock?: Node['stock'];
  status?: Node['status'];
  products?: Node['products'];
}

export function EditNode({ node, onClose }: { node: Partial<Node>; onClose: (made?: Node) => void }) {
  const { t, word } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [form] = Form.useForm<Values>();
  const save = useMutation({
    mutationFn: ({ buyer, ...v }: Values) => {
      const buyers = { ...node.buyers };
      if (buyer?.trim()) buyers['*'] = buyer.trim();
      else delete buyers['*'];
      const body: Schemas['OnecBody'] = { ...v, name: v.name.trim(), login: v.login?.trim() || undefined, buyers };
      return node.id ? ask(hub.PATCH('/api/v1/onec/nodes/{id}', { params: { path: { id: node.id } }, body })) : ask(hub.POST('/api/v1/onec/nodes', { body }));
    },
    onSuccess: (n) => { done(t('form.saved')); void client.invalidateQueries({ queryKey: ['onec'] }); onClose(n); }, onError: failed,
  });
  const master = (name: 'stock' | 'status' | 'products') => <Form.Item name={name} label={t(`onec.master.${name}`)} style={{ flex: '1 1 140px' }}><Select options={(['hub', '1c'] as const).map((m) => ({ value: m, label: word('onecMaster', m) }))} /></Form.Item>;
  return (
    <Modal open title={node.id ? node.name : t('onec.add')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={() => onClose()} destroyOnHidden>
      <Form<Values> form={form} layout="vertical" onFinish={(v) => save.mutate(v)} initialValues={{ flavour: 'generic', stock: 'hub', status: '1c', products: 'hub', ...node, buyer: node.buyers?.['*'] }}>
        <Form.Item name="name" label={t('products.name')} rules={[{ required: true, whitespace: true, message: t('form.required') }]}><Input maxLength={100} autoFocus /></Form.Item>
        <Form.Item name="login" label={t('onec.login')} extra={t('onec.loginHint')}><Input maxLength={100} autoComplete="off" /></Form.Item>
        <Form.Item name="flavour" label={t('onec.flavour')}><Select options={(['generic', 'unf_bitrix', 'bitrix'] as const).map((x) => ({ value: x, label: t(`onec.flavour.${x}`) }))} /></Form.Item>
        <Form.Item name="buyer" label={t('onec.buyer')} extra={t('onec.buyerHint')}><Input maxLength={200} /></Form.Item>
        <Typography.Paragraph type="secondary" style={{ marginBottom: 6 }}>{t('onec.mastersHint')}</Typography.Paragraph>
        <Flex gap={12} wrap>{master('stock')}{master('status')}{master('products')}</Flex>
      </Form>
    </Modal>
  );
}

export function Password({ of, onClose }: { of: Node; onClose: () => void }) {
  const { t } = useText();
  return (
    <Modal open title={of.name} onCancel={onClose} footer={<Button type="primary" onClick={onClose}>{t('form.close')}</Button>}>
      <Alert type="info" showIcon title={t('onec.once')} description={<Flex vertical gap={4}><Typography.Text copyable className="mono">{`${location.origin}/1c/exchange`}</Typography.Text><Typography.Text copyable className="mono">{of.login}</Typography.Text><Typography.Text copyable strong className="mono">{of.password}</Typography.Text></Flex>} />
    </Modal>
  );
}
