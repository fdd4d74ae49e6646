// A person's rights: everything that the hub holds as a file, and its end.
import { Alert, Button, Checkbox, Flex, Input, Modal, Typography } from 'antd';
import { useState } from 'react';
import { ask, download, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { useTell } from '../shell/state';
import { useWork, type Customer } from './card';

export function DataActions({ c }: { c: Customer }) {
  const { t } = useText();
  const can = useCan();
  const { failed } = useTell();
  const [busy, setBusy] = useState(false);
  const [erasing, setErasing] = useState(false);
  const save = async () => {
    setBusy(true);
    await download(`/customers/${c.id}/export`, `customer-${c.id}.json`).catch(failed);
    setBusy(false);
  };
  return (
    <>
      {can('customers.read') && can('personal_data') && <Button loading={busy} onClick={() => void save()}>{t('customers.export')}</Button>}
      {can('customers.erase') && <Button danger onClick={() => setErasing(true)}>{t('customers.erase')}</Button>}
      {erasing && <Erase c={c} onClose={() => setErasing(false)} />}
    </>
  );
}

const under = new Set(['pending', 'new', 'confirmed', 'packed', 'shipped', 'ready_for_pickup']);

// Erase asks so that nobody does it by the way: the number of the card is typed.
function Erase({ c, onClose }: { c: Customer; onClose: () => void }) {
  const { t } = useText();
  const [typed, setTyped] = useState('');
  const [why, setWhy] = useState('');
  const [evenOpen, setEvenOpen] = useState(false);
  const open = c.orders.filter((o) => under.has(o.status)).length;
  const erase = useWork(() => ask(hub.POST('/api/v1/customers/{id}/erase', { params: { path: { id: c.id } }, body: { why: why || undefined, even_open: evenOpen || undefined } })), t('customers.erasedDone'));
  const ready = typed.trim() === String(c.id) && (open === 0 || evenOpen);
  return (
    <Modal open title={t('customers.eraseTitle')} okText={t('customers.eraseOk')} okButtonProps={{ danger: true, disabled: !ready }} confirmLoading={erase.isPending} onCancel={onClose} onOk={() => erase.mutate(undefined, { onSuccess: onClose })}>
      <Flex vertical gap={12}>
        <Alert type="error" showIcon title={t('customers.eraseForGood')} description={t('customers.eraseWhat', { count: c.order_count })} />
        <Typography.Text type="secondary">{t('customers.eraseStays')}</Typography.Text>
        {open > 0 && <Checkbox checked={evenOpen} onChange={(e) => setEvenOpen(e.target.checked)}>{t('customers.eraseOpen', { count: open })}</Checkbox>}
        <Input value={why} onChange={(e) => setWhy(e.target.value)} maxLength={500} placeholder={t('customers.eraseWhy')} aria-label={t('customers.eraseWhy')} />
        <label>{t('customers.eraseType', { id: c.id })}<Input value={typed} onChange={(e) => setTyped(e.target.value)} maxLength={20} inputMode="numeric" autoComplete="off" style={{ marginTop: 4 }} /></label>
      </Flex>
    </Modal>
  );
}
