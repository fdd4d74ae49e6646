// An exchange of files to add or to change. Keys are sent, never shown.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Checkbox, Flex, Form, Input, InputNumber, Modal, Radio, Select } from 'antd';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { useTell } from '../shell/state';
import { useRefused } from './parts';

export type Exchange = Schemas['FileExchangeView'];

interface Values {
  name: string;
  kind: Exchange['kind'];
  every_minutes: number;
  orders: '' | 'csv' | 'xlsx' | 'json';
  personal?: boolean;
  folder?: string;
  address?: string;
  user?: string;
  password?: string;
  key?: string;
  host_key?: string;
}

export function EditExchange({ of, onClose }: { of: Partial<Exchange>; onClose: () => void }) {
  const { t } = useText();
  const { done } = useTell();
  const can = useCan();
  const client = useQueryClient();
  const [form] = Form.useForm<Values>();
  const refused = useRefused(form);
  const kind = Form.useWatch('kind', form) ?? of.kind ?? 'folder';
  const orders = Form.useWatch('orders', form) ?? of.orders ?? '';
  const save = useMutation({
    mutationFn: (v: Values) => {
      // An empty secret means the one that is there.
      const { password, key, ...rest } = v;
      const body: Schemas['FileExchangeBody'] = { ...rest, name: v.name.trim(), folder: v.folder?.trim() ?? '', personal: v.orders === 'json' && !!v.personal, password: password || undefined, key: key?.trim() || undefined };
      return of.id ? ask(hub.PATCH('/api/v1/file-exchanges/{id}', { params: { path: { id: of.id } }, body })) : ask(hub.POST('/api/v1/file-exchanges', { body }));
    },
    onSuccess: () => { done(t('form.saved')); void client.invalidateQueries({ queryKey: ['exchanges'] }); onClose(); }, onError: refused,
  });
  const must = [{ required: true, whitespace: true, message: t('form.required') }];
  const start = { kind: 'folder' as const, every_minutes: 15, orders: '' as const, personal: false, ...of };
  return (
    <Modal open title={of.id ? of.name : t('integ.addExchange')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={onClose} destroyOnHidden>
      <Form<Values> form={form} layout="vertical" onFinish={(v) => save.mutate(v)} initialValues={{ ...start, orders: of.orders ?? 'csv' }}>
        <Form.Item name="name" label={t('products.name')} rules={must}><Input maxLength={100} autoFocus /></Form.Item>
        <Form.Item name="kind" label={t('integ.kindOf')}><Radio.Group optionType="button" disabled={!!of.id} options={(['folder', 'sftp'] as const).map((k) => ({ value: k, label: t(`integ.${k}`) }))} /></Form.Item>
        {kind === 'sftp' && (
          <>
            <Flex gap={12} wrap>
              <Form.Item name="address" label={t('integ.address')} rules={must} style={{ flex: '2 1 200px' }}><Input maxLength={300} placeholder="files.example.com:22" autoComplete="off" /></Form.Item>
              <Form.Item name="user" label={t('onec.login')} rules={must} style={{ flex: '1 1 140px' }}><Input maxLength={100} autoComplete="off" /></Form.Item>
            </Flex>
            <Form.Item name="password" label={t('integ.password')} extra={of.id ? t('integ.passwordStays') : undefined}><Input.Password maxLength={500} autoComplete="new-password" /></Form.Item>
            <Form.Item name="key" label={t('integ.key')}><Input.TextArea maxLength={20000} autoSize={{ minRows: 1, maxRows: 5 }} className="mono" autoComplete="off" spellCheck={false} /></Form.Item>
            <Form.Item name="host_key" label={t('integ.hostKey')} extra={t('integ.hostKeyHint')} rules={must}><Input maxLength={5000} className="mono" placeholder="ssh-ed25519 AAAA…" autoComplete="off" /></Form.Item>
          </>
        )}
        <Form.Item name="folder" label={t('integ.folderName')} extra={kind === 'folder' ? t('integ.folderHint') : undefined} rules={kind === 'folder' ? must : []}><Input maxLength={500} autoComplete="off" /></Form.Item>
        <Flex gap={12} wrap>
          <Form.Item name="orders" label={t('integ.orders')} style={{ flex: '1 1 180px' }}><Select options={[{ value: '', label: t('integ.noOrders') }, ...(['csv', 'xlsx', 'json'] as const).map((o) => ({ value: o, label: o.toUpperCase() }))]} /></Form.Item>
          <Form.Item name="every_minutes" label={t('integ.every')} style={{ flex: '1 1 140px' }} rules={[{ required: true, message: t('form.required') }]}><InputNumber min={1} max={1440} precision={0} style={{ width: '100%' }} /></Form.Item>
        </Flex>
        {orders === 'json' && <Form.Item name="personal" valuePropName="checked"><Checkbox disabled={!can('personal_data')}>{t('integ.personalFiles')}</Checkbox></Form.Item>}
      </Form>
    </Modal>
  );
}
