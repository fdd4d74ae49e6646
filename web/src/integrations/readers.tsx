// Programs that read the feed of orders: how far each is, and how it is moved.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, DatePicker, Flex, Form, Input, Modal, Popconfirm, Radio, Table, Typography } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago, Chip } from '../shell/words';
import { Filter, useKinds, useRefused } from './parts';

type Reader = Schemas['ConsumerView'];
const most = 100_000; // where the hub stops counting

export function Readers() {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  const kinds = useKinds();
  const { failed } = useTell();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [moving, setMoving] = useState<Reader>();
  const may = can('accounts.manage') && can('orders.work');
  const list = useQuery({ queryKey: ['readers'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/feed/consumers', { signal })), select: (c) => c.consumers, refetchInterval: 5_000 });
  const remove = useMutation({ mutationFn: (name: string) => ask(hub.DELETE('/api/v1/feed/consumers/{name}', { params: { path: { name } } })), onError: failed, onSettled: () => void client.invalidateQueries({ queryKey: ['readers'] }) });
  const add = may && <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t('integ.addReader')}</Button>;
  const never = t('integ.never');
  return (
    <>
      <Shown of={list}>{(rows) => rows.length === 0 ? <Nothing text={t('integ.noReaders')} hint={t('integ.noReadersHint')}>{add}</Nothing> : (
        <Flex vertical gap={10}>
          {add && <Flex justify="end">{add}</Flex>}
          <Table<Reader> size="small" rowKey="name" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
            { title: t('products.name'), dataIndex: 'name', render: (n: string) => <Typography.Text strong className="mono">{n}</Typography.Text> },
            { title: t('integ.position'), dataIndex: 'position', align: 'right', render: (p: string) => <span className="num">{p}</span> },
            { title: t('integ.lag'), key: 'lag', render: (_, c) => (c.lag === 0 ? <Chip colour="green">{t('integ.upToDate')}</Chip> : <Chip colour="amber">{c.lag >= most ? `> ${f.number(most)}` : f.number(c.lag)}{c.lag_since && <> · <Ago at={c.lag_since} /></>}</Chip>) },
            { title: t('integ.acked'), key: 'acked', render: (_, c) => (c.acked_at ? <Ago at={c.acked_at} /> : never) },
            { title: t('integ.read'), key: 'read', render: (_, c) => (c.read_at ? <Ago at={c.read_at} /> : never) },
            { title: t('integ.kinds'), key: 'kinds', render: (_, c) => <div style={{ maxWidth: 320, whiteSpace: 'normal' }}>{kinds(c)}</div> },
            { title: '', key: 'act', render: (_, c) => may && (
              <Flex gap={8} justify="end">
                <Button size="small" onClick={() => setMoving(c)}>{t('integ.replay')}</Button>
                <Popconfirm title={t('integ.removeReaderAsk', { name: c.name })} description={<div style={{ maxWidth: 300 }}>{t('integ.removeReaderHint')}</div>} okText={t('form.remove')} onConfirm={() => remove.mutate(c.name)}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm>
              </Flex>
            ) },
          ]} />
        </Flex>
      )}</Shown>
      {adding && <Add onClose={() => setAdding(false)} />}
      {moving && <Replay of={moving} onClose={() => setMoving(undefined)} />}
    </>
  );
}

interface Fresh {
  name: string;
  kinds?: string[];
  accounts?: string[];
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const { done } = useTell();
  const client = useQueryClient();
  const [form] = Form.useForm<Fresh>();
  const refused = useRefused(form);
  const save = useMutation({
    mutationFn: ({ name, ...v }: Fresh) => ask(hub.PUT('/api/v1/feed/consumers/{name}', { params: { path: { name } }, body: { kinds: v.kinds ?? [], accounts: v.accounts ?? [] } })),
    onSuccess: () => { done(t('form.saved')); void client.invalidateQueries({ queryKey: ['readers'] }); onClose(); }, onError: refused,
  });
  return (
    <Modal open title={t('integ.addReader')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={onClose} destroyOnHidden>
      <Form<Fresh> form={form} layout="vertical" onFinish={(v) => save.mutate(v)} initialValues={{ kinds: [], accounts: [] }}>
        <Form.Item name="name" label={t('products.name')} extra={t('integ.readerHint')} rules={[{ required: true, message: t('form.required') }, { pattern: /^[a-z0-9][a-z0-9._-]*$/, message: t('integ.readerHint') }]}><Input maxLength={40} autoFocus autoComplete="off" /></Form.Item>
        <Filter />
      </Form>
    </Modal>
  );
}

// Replay moves a reader: back, so that it reads again, or to the end.
function Replay({ of, onClose }: { of: Reader; onClose: () => void }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [to, setTo] = useState<'since' | 'begin' | 'position' | 'end'>('since');
  const [since, setSince] = useState<Dayjs | null>(dayjs().subtract(1, 'day'));
  const [position, setPosition] = useState(of.position);
  const move = useMutation({
    mutationFn: () => {
      const body: Schemas['ConsumerBody'] = to === 'since' ? { since: since?.toISOString() } : { position: to === 'begin' ? '0' : to === 'end' ? 'now' : position.trim() };
      return ask(hub.PUT('/api/v1/feed/consumers/{name}', { params: { path: { name: of.name } }, body }));
    },
    onSuccess: () => { done(t('form.saved')); void client.invalidateQueries({ queryKey: ['readers'] }); onClose(); }, onError: failed,
  });
  return (
    <Modal open title={t('integ.replayTitle', { name: of.name })} okText={t('integ.replay')} okButtonProps={{ disabled: to === 'since' ? !since : to === 'position' && !/^\d+(\.[0-9a-f]{8})?$/.test(position.trim()) }} confirmLoading={move.isPending} onOk={() => move.mutate()} onCancel={onClose} destroyOnHidden>
      <Flex vertical gap={12}>
        <Radio.Group value={to} onChange={(e) => setTo(e.target.value as typeof to)} options={(['since', 'begin', 'position', 'end'] as const).map((v) => ({ value: v, label: t(`integ.to.${v}`) }))} vertical />
        {to === 'since' && <DatePicker showTime value={since} onChange={setSince} aria-label={t('integ.to.since')} disabledDate={(d) => d.isAfter(dayjs(), 'day')} />}
        {to === 'position' && <Input value={position} onChange={(e) => setPosition(e.target.value)} aria-label={t('integ.position')} maxLength={40} style={{ maxWidth: 260 }} />}
        <Alert type={to === 'end' ? 'warning' : 'info'} showIcon title={to === 'end' ? t('integ.endHint') : t('integ.replayHint')} />
      </Flex>
    </Modal>
  );
}
