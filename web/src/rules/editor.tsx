// A rule: what it listens to, what it asks, what it does, and what it would have
// done in the past.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Drawer, Flex, Form, Input, InputNumber, Select, Switch } from 'antd';
import { ask, hub, Problem, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { Section } from '../orders/card';
import { Actions } from './actions';
import { Condition } from './condition';
import { Firings } from './firings';
import type { Rule } from './rules';
import { Trial } from './trial';

export type Body = Schemas['AutoRuleBody'];

const events = ['received', 'status', 'changed', 'hold', 'effect', 'return', 'requested', 'note', 'tags', 'assigned', 'drift', 'news_refused'] as const;

interface Props {
  rule: Partial<Rule>;
  onClose: () => void;
  onSaved: (id: number) => void;
}

/** bodyOf is what the form says, without what was left empty. */
function bodyOf(v: Body): Body {
  return {
    name: v.name?.trim() ?? '', on: v.on ?? [], if: v.if?.trim() || undefined, per_hour: v.per_hour ?? undefined,
    then: (v.then ?? []).map((a) => Object.fromEntries(Object.entries(a ?? {}).filter(([, x]) => x !== '' && x !== undefined && x !== null && !(Array.isArray(x) && x.length === 0))) as Schemas['ActionBody']),
  };
}

export function RuleDrawer({ rule, onClose, onSaved }: Props) {
  const { t, said } = useText();
  const can = useCan();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const wide = useWide();
  const [form] = Form.useForm<Body>();
  const may = can('rules.manage');
  const fresh = () => { for (const key of ['autorules', 'firings']) void client.invalidateQueries({ queryKey: [key] }); };
  const save = useMutation({
    mutationFn: (v: Body) => (rule.id ? ask(hub.PUT('/api/v1/rules/{id}', { params: { path: { id: rule.id } }, body: bodyOf(v) })) : ask(hub.POST('/api/v1/rules', { body: bodyOf(v) }))),
    onSuccess: (r) => { done(rule.id ? t('form.saved') : t('rules.savedOff')); fresh(); if (!rule.id) onSaved(r.id); },
    onError: (e) => {
      // What the hub says about a field stands beside it.
      const at = e instanceof Problem ? Object.entries(e.fields).find(([k]) => k === 'if' || k === 'name' || k === 'on') : undefined;
      if (at) form.setFields([{ name: at[0] as 'if', errors: [at[1]] }]);
      else failed(e);
    },
  });
  const toggle = useMutation({ mutationFn: (enabled: boolean) => ask(hub.PATCH('/api/v1/rules/{id}', { params: { path: { id: rule.id ?? 0 } }, body: { enabled } })), onError: failed, onSettled: fresh });
  return (
    <Drawer open onClose={onClose} size={wide ? 'min(860px, 94vw)' : '100%'} styles={{ body: { padding: wide ? 16 : 10 } }} title={rule.name ?? t('rules.add')}
      extra={rule.id && <Flex gap={8} align="center"><Switch checked={rule.enabled} disabled={!may} loading={toggle.isPending} onChange={(v) => toggle.mutate(v)} aria-label={t('rules.on')} />{wide && t(rule.enabled ? 'rules.isOn' : 'rules.isOff')}</Flex>}>
      <Flex vertical gap={18}>
        {rule.problem && <Alert type="error" showIcon title={t('rules.failing')} description={said(rule.problem)} />}
        <Form<Body> form={form} layout="vertical" disabled={!may} initialValues={{ on: ['received'], then: [{ do: 'tag' }], ...rule }} onFinish={(v) => save.mutate(v)}>
          <Form.Item name="name" label={t('products.name')} rules={[{ required: true, whitespace: true, message: t('form.required') }]}><Input maxLength={100} autoFocus={!rule.id} /></Form.Item>
          <Form.Item name="on" label={t('rules.when')} rules={[{ required: true, message: t('form.required') }]}><Select mode="multiple" options={events.map((e) => ({ value: e, label: t(`when.${e}`) }))} /></Form.Item>
          <Form.Item name="if" label={t('rules.if')} extra={t('rules.ifHint')}><Condition /></Form.Item>
          <Actions form={form} />
          <Form.Item name="per_hour" label={t('rules.perHour')} extra={t('rules.perHourHint')}><InputNumber min={1} max={1000} precision={0} placeholder="20" style={{ width: 110 }} /></Form.Item>
          {may && <Button type="primary" htmlType="submit" loading={save.isPending}>{t('form.save')}</Button>}
        </Form>
        <Section title={t('rules.trial')}><Trial of={() => bodyOf(form.getFieldsValue(true) as Body)} check={() => form.validateFields()} /></Section>
        {rule.id && <Section title={t('rules.firings')}><Firings rule={rule.id} /></Section>}
      </Flex>
    </Drawer>
  );
}
