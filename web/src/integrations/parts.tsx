// What the three kinds of integrations share: which events they are about, and how
// a form says what the hub refused.
import { useQueryClient } from '@tanstack/react-query';
import { Form, Select, Typography, type FormInstance } from 'antd';
import { useEffect, type ReactNode } from 'react';
import { useAccounts } from '../orders/query';
import { Problem } from '../shell/api';
import { useText } from '../shell/i18n';
import { useTell } from '../shell/state';

const kinds = ['received', 'status', 'changed', 'requested', 'effect', 'hold', 'return', 'shipment', 'note', 'tags', 'assigned', 'rule', 'erased', 'drift', 'news_refused'] as const;

/** Filter are the fields that narrow the events; both may be empty. */
export function Filter() {
  const { t, word } = useText();
  const accounts = useAccounts();
  return (
    <>
      <Form.Item name="kinds" label={t('integ.kinds')}><Select mode="multiple" allowClear placeholder={t('integ.allKinds')} options={kinds.map((k) => ({ value: k, label: word('event', k) }))} optionFilterProp="label" /></Form.Item>
      <Form.Item name="accounts" label={t('integ.accounts')}><Select mode="multiple" allowClear placeholder={t('integ.allAccounts')} options={(accounts.data ?? []).map((a) => ({ value: a.id, label: a.name || a.id }))} optionFilterProp="label" /></Form.Item>
    </>
  );
}

/** useKinds says in words what a filter lets through. */
export function useKinds() {
  const { t, word } = useText();
  return (of: { kinds: string[]; accounts: string[] }) => [of.kinds.length ? of.kinds.map((k) => word('event', k)).join(', ') : t('integ.allKinds'), ...(of.accounts.length ? [of.accounts.join(', ')] : [])].join(' · ');
}

/** useRefused shows a refusal at the field that it is about, or in the corner. */
export function useRefused<V>(form: FormInstance<V>) {
  const { failed } = useTell();
  return (e: unknown) => {
    const at = e instanceof Problem ? Object.entries(e.fields).map(([k, m]) => [k.split('.').pop() ?? '', m.replace(`${k}: `, '')] as const) : [];
    const shown = at.filter(([k]) => Object.keys(form.getFieldsValue(true) as object).includes(k) || form.getFieldInstance(k as never));
    if (shown.length) form.setFields(shown.map(([name, m]) => ({ name: name as never, errors: [m] })));
    else failed(e);
  };
}

/** useRenewed reads a list anew when the thing that it belongs to has changed. */
export function useRenewed(key: readonly unknown[], stamp: string) {
  const client = useQueryClient();
  const of = JSON.stringify(key);
  useEffect(() => { void client.invalidateQueries({ queryKey: JSON.parse(of) as unknown[] }); }, [client, of, stamp]);
}

/** Facts are what is known about something, those without a value left out. */
export const facts = (list: [string, ReactNode][]) => list.filter(([, v]) => v !== undefined && v !== false && v !== '').map(([label, children]) => ({ key: label, label, children }));

/** Heading names a card. */
export function Heading({ children }: { children: ReactNode }) {
  return <Typography.Title level={2} style={{ margin: 0, fontSize: 14 }}>{children}</Typography.Title>;
}
