// What can be done with an endpoint. What cannot be taken back asks first.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Popconfirm } from 'antd';
import { useState } from 'react';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { useTell } from '../shell/state';
import { EditEndpoint, type Endpoint } from './edit';

export function EndpointActions({ e, onSecret }: { e: Endpoint; onSecret: (e: Endpoint) => void }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const path = { id: e.id };
  const fresh = () => void client.invalidateQueries({ queryKey: ['endpoints'] });
  const pause = useMutation({ mutationFn: (state: 'active' | 'paused') => ask(hub.PATCH('/api/v1/endpoints/{id}', { params: { path }, body: { state } })), onError: failed, onSettled: fresh });
  const test = useMutation({
    mutationFn: () => ask(hub.POST('/api/v1/endpoints/{id}/test', { params: { path } })), onError: failed,
    onSuccess: (r) => (r.ok ? done(t('integ.testOk', { status: r.status ?? 0, ms: r.millis })) : failed(new Error(`${t('integ.testFailed')}: ${r.problem ?? ''}`))),
  });
  const rotate = useMutation({ mutationFn: () => ask(hub.POST('/api/v1/endpoints/{id}/secret', { params: { path }, body: { overlap_hours: 24 } })), onSuccess: onSecret, onError: failed, onSettled: fresh });
  const again = useMutation({ mutationFn: () => ask(hub.POST('/api/v1/endpoints/{id}/redeliver', { params: { path }, body: { dead: true } })), onSuccess: (r) => done(t('integ.redelivered', { count: r.deliveries })), onError: failed, onSettled: fresh });
  const remove = useMutation({ mutationFn: () => ask(hub.DELETE('/api/v1/endpoints/{id}', { params: { path } })), onError: failed, onSettled: fresh });
  const hint = (text: string) => <div style={{ maxWidth: 300 }}>{text}</div>;
  return (
    <>
      <Button size="small" loading={test.isPending} onClick={() => test.mutate()}>{t('integ.test')}</Button>
      {e.dead > 0 && <Popconfirm title={t('integ.againAsk')} description={hint(t('integ.againHint'))} okText={t('integ.again')} onConfirm={() => again.mutate()}><Button size="small" loading={again.isPending}>{t('integ.againAll', { count: e.dead })}</Button></Popconfirm>}
      <Button size="small" onClick={() => setEditing(true)}>{t('form.edit')}</Button>
      <Button size="small" loading={pause.isPending} onClick={() => pause.mutate(e.state === 'active' ? 'paused' : 'active')}>{e.state === 'active' ? t('account.pause') : t('account.resume')}</Button>
      <Popconfirm title={t('integ.rotateAsk')} description={hint(t('integ.rotateHint'))} okText={t('integ.rotate')} onConfirm={() => rotate.mutate()}><Button size="small" loading={rotate.isPending}>{t('integ.rotate')}</Button></Popconfirm>
      <Popconfirm title={t('integ.removeAsk', { name: e.name })} description={hint(t('integ.removeHint'))} okText={t('form.remove')} onConfirm={() => remove.mutate()}><Button size="small" danger loading={remove.isPending}>{t('form.remove')}</Button></Popconfirm>
      {editing && <EditEndpoint of={e} onClose={() => setEditing(false)} />}
    </>
  );
}
