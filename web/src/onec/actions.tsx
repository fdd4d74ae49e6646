// What can be done with an exchange; nothing of it without a question.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, DatePicker, Flex, Modal, Popconfirm, Typography } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { useTell } from '../shell/state';
import { EditNode, type Node } from './edit';

export function NodeActions({ n, onPassword }: { n: Node; onPassword: (n: Node) => void }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const [again, setAgain] = useState(false);
  const [since, setSince] = useState<Dayjs | null>(dayjs().subtract(1, 'day'));
  const path = { id: n.id };
  const fresh = () => void client.invalidateQueries({ queryKey: ['onec'] });
  const pause = useMutation({ mutationFn: (state: 'active' | 'paused') => ask(hub.PATCH('/api/v1/onec/nodes/{id}', { params: { path }, body: { state } })), onError: failed, onSettled: fresh });
  const renew = useMutation({ mutationFn: () => ask(hub.POST('/api/v1/onec/nodes/{id}/password', { params: { path } })), onSuccess: onPassword, onError: failed });
  const remove = useMutation({ mutationFn: () => ask(hub.DELETE('/api/v1/onec/nodes/{id}', { params: { path } })), onError: failed, onSettled: fresh });
  const resend = useMutation({
    mutationFn: () => ask(hub.POST('/api/v1/onec/nodes/{id}/resend', { params: { path }, body: { since: since?.startOf('day').toISOString() } })),
    onSuccess: (r) => { done(t('onec.resent', { count: r.orders })); setAgain(false); fresh(); }, onError: failed,
  });
  return (
    <Flex gap={8} wrap>
      <Button size="small" onClick={() => setEditing(true)}>{t('form.edit')}</Button>
      <Button size="small" loading={pause.isPending} onClick={() => pause.mutate(n.state === 'paused' ? 'active' : 'paused')}>{n.state === 'paused' ? t('account.resume') : t('account.pause')}</Button>
      <Button size="small" onClick={() => setAgain(true)}>{t('onec.resend')}</Button>
      <Popconfirm title={t('onec.renewAsk')} description={t('onec.renewHint')} okText={t('onec.renew')} onConfirm={() => renew.mutate()}><Button size="small" loading={renew.isPending}>{t('onec.renew')}</Button></Popconfirm>
      <Popconfirm title={t('onec.removeAsk')} description={<div style={{ maxWidth: 300 }}>{t('onec.removeHint')}</div>} okText={t('form.remove')} onConfirm={() => remove.mutate()}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm>
      {editing && <EditNode node={n} onClose={() => setEditing(false)} />}
      <Modal open={again} title={t('onec.resendTitle')} okText={t('onec.resend')} okButtonProps={{ disabled: !since }} confirmLoading={resend.isPending} onOk={() => resend.mutate()} onCancel={() => setAgain(false)} width={420} destroyOnHidden>
        <Typography.Paragraph type="secondary">{t('onec.resendHint')}</Typography.Paragraph>
        <DatePicker value={since} onChange={setSince} aria-label={t('onec.since')} disabledDate={(d) => d.isAfter(dayjs(), 'day')} />
      </Modal>
    </Flex>
  );
}
