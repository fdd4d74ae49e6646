// An endpoint to add or to change, and its secret, which is shown once.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Checkbox, Form, Input, Modal, Typography } from 'antd';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { useTell } from '../shell/state';
import { Filter, useRefused } from './parts';

export type Endpoint = Schemas['EndpointView'];

interface Values {
  name: string;
  url: string;
  kinds?: string[];
  accounts?: string[];
  personal?: boolean;
}

const isAddress = (s: string) => {
  try {
    return /^https?:$/.test(new URL(s).protocol);
  } catch {
    return false;
  }
};

export function EditEndpoint({ of, onClose }: { of: Partial<Endpoint>; onClose: (made?: Endpoint) => void }) {
  const { t } = useText();
  const { done } = useTell();
  const can = useCan();
  const client = useQueryClient();
  const [form] = Form.useForm<Values>();
  const refused = useRefused(form);
  const save = useMutation({
    mutationFn: (v: Values) => {
      const body: Schemas['EndpointBody'] = { name: v.name.trim(), url: v.url.trim(), kinds: v.kinds ?? [], accounts: v.accounts ?? [], personal: !!v.personal };
      return of.id ? ask(hub.PATCH('/api/v1/endpoints/{id}', { params: { path: { id: of.id } }, body })) : ask(hub.POST('/api/v1/endpoints', { body }));
    },
    onSuccess: (e) => { done(t('form.saved')); void client.invalidateQueries({ queryKey: ['endpoints'] }); onClose(e); }, onError: refused,
  });
  return (
    <Modal open title={of.id ? of.name : t('integ.addEndpoint')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={() => onClose()} destroyOnHidden>
      <Form<Values> form={form} layout="vertical" onFinish={(v) => save.mutate(v)} initialValues={{ kinds: [], accounts: [], personal: false, ...of }}>
        <Form.Item name="name" label={t('products.name')} rules={[{ required: true, whitespace: true, message: t('form.required') }]}><Input maxLength={100} autoFocus /></Form.Item>
        <Form.Item name="url" label={t('integ.url')} extra={t('integ.urlHint')} validateTrigger="onBlur" rules={[{ required: true, message: t('form.required') }, { validator: (_, v: string) => (!v || isAddress(v.trim()) ? Promise.resolve() : Promise.reject(new Error(t('integ.urlWrong')))) }]}>
          <Input maxLength={2000} type="url" placeholder="https://" autoComplete="off" />
        </Form.Item>
        <Filter />
        <Form.Item name="personal" valuePropName="checked" extra={t('integ.personalHint')}><Checkbox disabled={!can('personal_data')}>{t('integ.personal')}</Checkbox></Form.Item>
      </Form>
    </Modal>
  );
}

export function Secret({ of, onClose }: { of: Endpoint; onClose: () => void }) {
  const { t } = useText();
  return (
    <Modal open title={of.name} onCancel={onClose} mask={{ closable: false }} footer={<Button type="primary" onClick={onClose}>{t('form.close')}</Button>}>
      <Alert type="info" showIcon title={t('integ.once')} description={<><Typography.Paragraph style={{ marginBottom: 6 }}>{t('integ.onceHint')}</Typography.Paragraph><Typography.Text copyable strong className="mono" style={{ overflowWrap: 'anywhere' }}>{of.secret}</Typography.Text></>} />
    </Modal>
  );
}
