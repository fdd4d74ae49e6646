// Products from a file, with progress and what was wrong in which row.
import { InboxOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Modal, Progress, Upload, Flex } from 'antd';
import { useEffect, useState } from 'react';
import { ask, hub, problemOf, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { credentials } from '../shell/session';
import { sentence } from '../shell/state';

export function Import({ onClose }: { onClose: () => void }) {
  const { t, said } = useText();
  const client = useQueryClient();
  const [id, setId] = useState<number>();
  const send = useMutation({
    mutationFn: async (file: File) => {
      const body = new FormData();
      body.append('file', file);
      const res = await fetch('/api/v1/imports?kind=products', { method: 'POST', headers: credentials('POST'), body });
      if (!res.ok) throw await problemOf(res);
      return (await res.json()) as Schemas['ImportView'];
    },
    onSuccess: (v) => setId(v.id),
  });
  const job = useQuery({
    queryKey: ['import', id], enabled: id !== undefined, queryFn: ({ signal }) => ask(hub.GET('/api/v1/imports/{id}', { params: { path: { id: id ?? 0 } }, signal })),
    refetchInterval: (q) => (q.state.data && !['waiting', 'running'].includes(q.state.data.state) ? false : 500),
  });
  const v = job.data;
  const ended = v && v.state !== 'waiting' && v.state !== 'running';
  useEffect(() => {
    if (ended) void client.invalidateQueries({ queryKey: ['product'] });
  }, [ended, client]);
  return (
    <Modal open title={t('products.importTitle')} onCancel={onClose} footer={null}>
      <Flex vertical gap={12}>
        <span>{t('products.importHint')}</span>
        {send.error && <Alert type="error" showIcon title={sentence(send.error, t('state.offline'))} />}
        {(id === undefined || ended) && (
          <Upload.Dragger accept=".csv,.xlsx,.txt" showUploadList={false} disabled={send.isPending} beforeUpload={(file) => { setId(undefined); send.mutate(file); return false; }}>
            <InboxOutlined style={{ fontSize: 28 }} /><div>{t('products.importDrop')}</div>
          </Upload.Dragger>
        )}
        {v && !ended && <Progress percent={v.percent} status="active" aria-label={t('products.importTitle')} />}
        {ended && v.state === 'ended' && v.outcome !== 'refused' && <Alert type="success" showIcon title={t('products.importDone', { new: v.new ?? 0, changed: v.changed ?? 0, same: v.same ?? 0 })} />}
        {ended && (v.state !== 'ended' || v.outcome === 'refused') && <Alert type="error" showIcon title={v.outcome === 'refused' ? t('products.importBad', { bad: v.bad }) : t('products.importFailed')} description={said(v.error)} />}
        {(v?.errors?.length ?? 0) > 0 && <ul style={{ maxHeight: 220, overflow: 'auto', margin: 0 }} tabIndex={0}>{v?.errors?.slice(0, 100).map((e, i) => <li key={i}>{e.line ? `${t('products.importRow', { line: e.line })}: ` : ''}{e.column ? `${e.column}: ` : ''}{said(e.sentence)}</li>)}</ul>}
      </Flex>
    </Modal>
  );
}
