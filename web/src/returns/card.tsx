// One return: what comes back, what to answer, what becomes of the goods.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Descriptions, Drawer, Flex, Form, Input, InputNumber, Modal, Radio, Select, Table, Timeline, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub, newKey, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { usePace } from '../shell/live';
import { Photos } from '../shell/photo';
import { useCan } from '../shell/session';
import { Shown, useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { ChannelBadge, Chip, Deadline, Who } from '../shell/words';
import { Effects } from '../orders/effects';
import { Timeline as History } from '../orders/timeline';
import { LinkOrder } from './link';
import { OwnPhotos, unused } from './photos';
import { Receive } from './receive';
import { returnColour } from './returns';

export type Return = Schemas['ReturnCard'];

export function ReturnDrawer({ id, onClose }: { id: number; onClose: () => void }) {
  const { t, word } = useText();
  const wide = useWide();
  const pace = usePace(4);
  const card = useQuery({ queryKey: ['return', id], queryFn: ({ signal }) => ask(hub.GET('/api/v1/returns/{id}', { params: { path: { id } }, signal })), refetchInterval: pace });
  const r = card.data;
  return (
    <Drawer open onClose={onClose} size={wide ? 'min(820px, 94vw)' : '100%'} styles={{ body: { padding: wide ? 16 : 10 } }}
      title={<Flex gap={12} align="center" wrap>{t('return.title', { id })}{r && <Chip colour={returnColour[r.state] ?? 'grey'}>{word('returnState', r.state)}</Chip>}{r?.deadline && <Deadline at={r.deadline} status={r.state === 'closed' ? 'delivered' : 'new'} />}</Flex>}>
      <Shown of={card} rows={8}>{(data) => <Body r={data} />}</Shown>
    </Drawer>
  );
}

/** useChange makes a change of a return and looks anew at what it may have moved. */
export function useChange<V>(id: number, change: (v: V) => Promise<unknown>, said: string) {
  const client = useQueryClient();
  const { failed, done } = useTell();
  return useMutation({
    mutationFn: change, onSuccess: () => done(said), onError: failed,
    onSettled: () => { for (const key of ['returns', 'overview', 'stock']) void client.invalidateQueries({ queryKey: [key] }); void client.invalidateQueries({ queryKey: ['return', id] }); },
  });
}

function Body({ r }: { r: Return }) {
  const { t, word, said } = useText();
  const wide = useWide();
  const f = useFormat();
  const can = useCan();
  const receivable = can('returns.receive') && !r.no_goods && (['announced', 'on_the_way', 'at_pickup'].includes(r.state) || !!r.awaited);
  const linkable = can('returns.receive') && !r.number;
  const facts: [string, React.ReactNode][] = [
    [t('col.account'), <ChannelBadge key="c" channel={r.channel} account={r.account} />], [t('returns.kind'), word('returnKind', r.kind)],
    [t('returns.due'), r.due && r.deadline && <span key="d">{word('due', r.due)}: {f.full(r.deadline)}</span>], [t('col.number'), r.number ? <Link key="o" to={`/orders/${r.number}`}>{r.number}</Link> : r.order_id], [t('returns.reason'), r.reason], [t('buyer.comment'), r.comment],
    [t('returns.place'), r.place], [t('returns.barcode'), r.barcode], [t('returns.answerBy'), f.full(r.answer_by)], [t('returns.pickUpBy'), f.full(r.pick_up_by)],
    [t('returns.refund'), f.money(r.refund)], [t('returns.compensation'), f.money(r.compensation)], [t('fact.native'), [r.native, r.native_sub].filter(Boolean).join(' / ')],
    [t('returns.receivedAt'), r.received_at && <span key="r">{f.full(r.received_at)}{r.received_by && <> · <Who actor={r.received_by} /></>}</span>],
    [t('returns.photos'), (r.photos?.length ?? 0) > 0 && <Flex key="p" gap={8} wrap>{r.photos?.filter((p) => /^https?:\/\//.test(p)).map((p, i) => <a key={p} href={p} target="_blank" rel="noreferrer noopener">{t('returns.photo', { n: i + 1 })}</a>)}</Flex>],
  ];
  return (
    <Flex vertical gap={16}>
      {r.discrepancy && <Alert type="warning" showIcon title={said(r.discrepancy)} />}
      {r.no_goods && <Alert type="info" showIcon title={t('returns.noGoods')} />}
      {r.drift && r.drift.length > 0 && <Alert type="info" showIcon title={t('order.drift')} description={r.drift.map((d) => `${d.field}: ${d.word}`).join(', ')} />}
      {!r.number && <Alert type="warning" showIcon title={t('returns.noOrder')} description={t('returns.noOrderHint')} />}
      {(receivable || linkable || (can('returns.answer') && r.actions.length > 0)) && (
        <Flex gap={8} wrap>
          {receivable && <Receive r={r} />}
          {linkable && <LinkOrder r={r} />}
          {can('returns.answer') && r.actions.length > 0 && <Answer r={r} />}
        </Flex>
      )}
      <Descriptions size="small" column={1} colon={false} styles={{ label: { width: 150 } }} items={facts.filter(([, v]) => v).map(([label, children]) => ({ key: label, label, children }))} />
      <section>
        <Typography.Title level={3} style={{ fontSize: 14 }}>{t('returns.lines')}</Typography.Title>
        <Table size="small" rowKey={(l) => `${l.id ?? ''}${l.sku ?? ''}${l.listing_key ?? ''}`} pagination={false} dataSource={r.lines} scroll={wide ? { x: 'max-content' } : undefined} columns={[
          { title: t('line.name'), key: 'n', render: (_, l) => <div style={{ maxWidth: 360, overflowWrap: 'anywhere' }}>{l.name || l.sku || l.listing_key}<div><Typography.Text type="secondary" className="mono">{l.sku}</Typography.Text></div>{!wide && l.reason}</div> },
          { title: t('line.quantity'), dataIndex: 'quantity', align: 'right' }, { title: t('returns.here'), key: 'here', align: 'right', render: (_, _l, i) => <span className="num">{r.here[i] || '–'}</span> }, { title: t('line.price'), key: 'p', align: 'right', render: (_, l) => f.money(l.price) },
          ...(wide ? [{ title: t('returns.reason'), dataIndex: 'reason' }] : []),
        ]} />
      </section>
      {(r.pictures.length > 0 || can('returns.receive')) && <section><Typography.Title level={3} style={{ fontSize: 14 }}>{t('photos.title')}</Typography.Title><OwnPhotos r={r} /></section>}
      {r.goods.length > 0 && <section><Typography.Title level={3} style={{ fontSize: 14 }}>{t('returns.goods')}</Typography.Title><Goods r={r} /></section>}
      {r.decisions.length > 0 && (
        <section>
          <Typography.Title level={3} style={{ fontSize: 14 }}>{t('returns.decisions')}</Typography.Title>
          <Timeline items={[...r.decisions].reverse().map((d) => ({ key: d.id, content: <>{word('decision', d.decision)}: {d.sku} × {d.quantity} <Typography.Text type="secondary">· {f.at(d.at)} · <Who actor={d.actor} /></Typography.Text>{d.why && <div>{said(d.why)}</div>}{d.photo && <div><Photo at={d.photo} /></div>}{d.photos && <Photos ids={d.photos} />}</> }))} />
        </section>
      )}
      {r.effects.length > 0 && <section><Typography.Title level={3} style={{ fontSize: 14 }}>{t('order.effects')}</Typography.Title><Effects effects={r.effects} /></section>}
      {r.timeline.length > 0 && <section><Typography.Title level={3} style={{ fontSize: 14 }}>{t('order.timeline')}</Typography.Title><History events={r.timeline} /></section>}
    </Flex>
  );
}

// Photo is a link where it is an address, else the name of a file.
function Photo({ at }: { at: string }) {
  return /^https?:\/\//.test(at) ? <a href={at} target="_blank" rel="noreferrer noopener">{at}</a> : <Typography.Text type="secondary">{at}</Typography.Text>;
}

interface Choice {
  decision: Decision;
  quantity: number;
  why?: string;
}

const decisions = ['resell', 'quarantine', 'write_off'] as const;
type Decision = (typeof decisions)[number];

function Goods({ r }: { r: Return }) {
  const { t } = useText();
  const can = useCan();
  const [at, setAt] = useState<number>();
  const [form] = Form.useForm<Choice>();
  const chosen = Form.useWatch('decision', form);
  const [photos, setPhotos] = useState<number[]>([]);
  const [key, setKey] = useState('');
  const decide = useChange(r.id, (v: Choice) => ask(hub.POST('/api/v1/returns/{id}/decide', {
    params: { path: { id: r.id }, header: { 'Idempotency-Key': key } }, body: { goods: at ?? 0, ...v, why: v.why || undefined, photos: photos.length > 0 ? photos : undefined },
  })), t('returns.decided'));
  const goods = at === undefined ? undefined : r.goods[at];
  const open = (i: number) => { setAt(i); setPhotos(unused(r)); setKey(newKey()); };
  const close = () => { setAt(undefined); form.resetFields(); };
  return (
    <>
      <Table size="small" rowKey={(g) => `${g.line}${g.sku}`} pagination={false} dataSource={r.goods} scroll={{ x: 'max-content' }} columns={[
        { title: t('goods.sku'), key: 'sku', render: (_, g) => <Link to={`/stock/${encodeURIComponent(g.sku)}`}>{g.sku}</Link> },
        { title: t('line.quantity'), dataIndex: 'quantity', align: 'right' }, { title: t('returns.restocked'), dataIndex: 'restocked', align: 'right' },
        { title: t('goods.quarantine'), dataIndex: 'quarantined', align: 'right' }, { title: t('returns.writtenOff'), dataIndex: 'written_off', align: 'right' },
        { title: '', key: 'act', render: (_, g, i) => can('returns.decide') && g.quarantined + g.restocked > 0 && <Button size="small" type={g.quarantined > 0 ? 'primary' : 'default'} onClick={() => open(i)} aria-label={t('returns.decideTitle', { sku: g.sku })}>{t('returns.decide')}</Button> },
      ]} />
      <Modal open={goods !== undefined} title={goods && t('returns.decideTitle', { sku: goods.sku })} okText={t('returns.decideOk')} confirmLoading={decide.isPending} onOk={() => form.submit()} onCancel={close} destroyOnHidden>
        <Form form={form} layout="vertical" initialValues={{ decision: goods?.quarantined ? 'resell' : 'write_off', quantity: goods ? goods.quarantined || goods.restocked : 1 }} onFinish={(v) => decide.mutate(v, { onSuccess: close })}>
          <Form.Item name="decision"><Radio.Group options={decisions.map((d) => ({ value: d, label: t(`decision.${d}`) }))} /></Form.Item>
          <Form.Item name="quantity" label={t('col.units')} rules={[{ required: true, message: t('form.required') }]}><InputNumber min={1} max={goods && goods.quarantined + goods.restocked} precision={0} /></Form.Item>
          <Form.Item name="why" label={t('stock.why')} rules={[{ required: chosen === 'write_off', message: t('form.required') }]}><Input.TextArea rows={2} maxLength={500} /></Form.Item>
        </Form>
        <OwnPhotos r={r} pick={{ picked: photos, onPick: setPhotos }} />
      </Modal>
    </>
  );
}

interface Wish {
  action: string;
  reason?: string;
  comment?: string;
  amount?: number;
}

function Answer({ r }: { r: Return }) {
  const { t, said } = useText();
  const [open, setOpen] = useState(false);
  const [form] = Form.useForm<Wish>();
  const action = Form.useWatch('action', form);
  const chosen = r.actions.find((a) => a.code === action);
  const currency = r.refund?.currency ?? r.lines.find((l) => l.price)?.price?.currency ?? 'RUB';
  const answer = useChange(r.id, (v: Wish) => ask(hub.POST('/api/v1/returns/{id}/answer', { params: { path: { id: r.id } }, body: { action: v.action, reason: v.reason, comment: v.comment || undefined, amount: v.amount === undefined ? undefined : { minor: Math.round(v.amount * 100), currency } } })), t('cancel.answered'));
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>{t('returns.answer')}</Button>
      <Modal open={open} title={t('returns.answerTitle')} okText={t('returns.answerOk')} confirmLoading={answer.isPending} onOk={() => form.submit()} onCancel={() => setOpen(false)} destroyOnHidden>
        <Typography.Paragraph type="secondary">{t('returns.answerHint')}</Typography.Paragraph>
        <Form form={form} layout="vertical" onFinish={(v) => answer.mutate(v, { onSuccess: () => setOpen(false) })}>
          <Form.Item name="action" label={t('returns.answer')} rules={[{ required: true, message: t('form.required') }]}><Radio.Group style={{ display: 'grid', gap: 6 }} options={r.actions.map((a) => ({ value: a.code, label: said(a.title) }))} /></Form.Item>
          {(chosen?.reasons?.length ?? 0) > 0 && <Form.Item name="reason" label={t('cancel.reason')} rules={[{ required: true, message: t('form.required') }]}><Select options={chosen?.reasons?.map((x) => ({ value: x.code, label: x.title }))} /></Form.Item>}
          {chosen?.needs_amount && <Form.Item name="amount" label={`${t('returns.amount')}, ${currency}`} rules={[{ required: true, message: t('form.required') }]}><InputNumber min={0} precision={2} style={{ width: 180 }} /></Form.Item>}
          {chosen?.needs_comment && <Form.Item name="comment" label={t('cancel.comment')} rules={[{ required: true, message: t('form.required') }]}><Input.TextArea rows={2} maxLength={1000} /></Form.Item>}
        </Form>
      </Modal>
    </>
  );
}
