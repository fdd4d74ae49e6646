// One figure unfolded: its arithmetic, the moves that made it, and what the
// channels show of it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Drawer, Flex, Form, Input, InputNumber, Modal, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { usePace } from '../shell/live';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { Ago, Chip, Who } from '../shell/words';

type Stock = Schemas['StockCard'];
type Move = Schemas['Move'];

export function StockDrawer({ sku, onClose }: { sku: string; onClose: () => void }) {
  const wide = useWide();
  const pace = usePace(4);
  const card = useQuery({ queryKey: ['stock', 'card', sku], queryFn: ({ signal }) => ask(hub.GET('/api/v1/products/{sku}/stock', { params: { path: { sku }, query: { limit: 100 } }, signal })), refetchInterval: pace });
  return (
    <Drawer open onClose={onClose} size={wide ? 'min(960px, 94vw)' : '100%'} title={card.data ? `${sku} · ${card.data.name}` : sku} styles={{ body: { padding: wide ? 16 : 10 } }}>
      <Shown of={card} rows={8}>{(c) => <Body c={c} />}</Shown>
    </Drawer>
  );
}

function Body({ c }: { c: Stock }) {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  return (
    <Flex vertical gap={18}>
      {c.kit && <Alert type="info" showIcon title={t('stock.kit')} />}
      {c.figures.map((g) => (
        <section key={g.sku}>
          <Flex gap={20} wrap align="center" justify="space-between">
            <div>
              <Typography.Title level={3} style={{ fontSize: 14, margin: 0 }}>{c.kit ? <Link to={`/stock/${encodeURIComponent(g.sku)}`}>{g.sku}</Link> : t('stock.open', { sku: g.sku })}</Typography.Title>
              <Typography.Text className="num">{t('stock.formula', { onHand: f.number(g.on_hand), reserved: f.number(g.reserved), quarantine: f.number(g.quarantine), available: f.number(g.available) })}</Typography.Text>
              <div><Typography.Text type="secondary">
                {[g.expected ? `${t('goods.expected')}: ${f.number(g.expected)}` : '', g.exposure ? `${t('goods.exposure')}: ${f.number(g.exposure)}` : '', g.counted_at ? `${t('goods.counted')}: ${f.at(g.counted_at)}` : ''].filter(Boolean).join(' · ')}
              </Typography.Text></div>
            </div>
            {can('stock.work') && <Book sku={g.sku} />}
          </Flex>
        </section>
      ))}
      {c.listings.length > 0 && <section><Typography.Title level={3} style={{ fontSize: 14 }}>{t('stock.channels')}</Typography.Title><Channels c={c} /></section>}
      <section>
        <Typography.Title level={3} style={{ fontSize: 14 }}>{t('stock.moves')}</Typography.Title>
        {c.moves.length === 0 ? <Nothing text={t('stock.movesNone')} /> : <Moves first={c} />}
      </section>
    </Flex>
  );
}

function Channels({ c }: { c: Stock }) {
  const { t, word, said } = useText();
  const f = useFormat();
  const figure = (n: number | undefined) => <span className="num">{n === undefined ? '–' : f.number(n)}</span>;
  return (
    <Table size="small" rowKey="listing" pagination={false} dataSource={c.listings} scroll={{ x: 'max-content' }} columns={[
      { title: t('col.account'), dataIndex: 'account' },
      { title: t('listings.article'), key: 'article', render: (_, l) => <span className="mono">{l.article || l.key}</span> },
      { title: t('stock.wanted'), dataIndex: 'wanted', align: 'right', render: figure },
      { title: t('stock.shown'), dataIndex: 'confirmed', align: 'right', render: figure },
      { title: t('effects.state'), key: 'state', render: (_, l) => <Chip colour={l.state === 'confirmed' ? 'green' : l.state === 'rejected' || l.state === 'uncertain' || l.state === 'stopped' ? 'red' : 'grey'}>{word('pubState', l.state)}</Chip> },
      { title: t('effects.how'), key: 'how', render: (_, l) => (l.error ? <Typography.Text type="danger">{said(l.error)}</Typography.Text> : <Typography.Text type="secondary">{l.took_seconds ? f.span(l.took_seconds) : ''}</Typography.Text>) },
    ]} />
  );
}

function Moves({ first }: { first: Stock }) {
  const { t, word, said } = useText();
  const f = useFormat();
  const [older, setOlder] = useState<{ moves: Move[]; before?: number }>();
  const more = useMutation({
    mutationFn: (before: number) => ask(hub.GET('/api/v1/products/{sku}/stock', { params: { path: { sku: first.sku }, query: { before, limit: 100 } } })),
    onSuccess: (c) => setOlder((o) => ({ moves: [...(o?.moves ?? []), ...c.moves], before: c.before })),
  });
  const seen = new Set(first.moves.map((m) => m.id));
  const rows = [...first.moves, ...(older?.moves ?? []).filter((m) => !seen.has(m.id))];
  const next = older ? older.before : first.before;
  const change = (m: Move) => ([['onHand', m.on_hand], ['inReserve', m.reserved], ['quarantine', m.quarantine], ['expected', m.expected]] as const)
    .filter(([, n]) => n !== 0).map(([k, n]) => `${t(`goods.${k}`)} ${n > 0 ? '+' : '−'}${f.number(Math.abs(n))}`).join(', ');
  return (
    <>
      <Table size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
        { title: t('stock.when'), key: 'at', render: (_, m) => <Ago at={m.at} /> },
        ...(first.kit ? [{ title: t('goods.sku'), dataIndex: 'sku' }] : []),
        { title: t('stock.kind'), key: 'kind', render: (_, m) => word('move', m.kind) },
        { title: t('stock.change'), key: 'change', render: (_, m) => <span className="num nowrap">{change(m)}</span> },
        {
          title: t('stock.why'), key: 'why', render: (_, m) => (
            <span>{m.holder && m.holder > 0 ? <Link to={`/orders/${m.holder}`}>{t('order.title', { number: m.holder })}</Link> : null}{m.document ? t('stock.document', { id: m.document }) : null} {said(m.why)}</span>
          ),
        },
        { title: t('stock.who'), key: 'who', render: (_, m) => <Typography.Text type="secondary"><Who actor={m.actor} /></Typography.Text> },
      ]} />
      {next !== undefined && <Flex justify="center" style={{ marginTop: 8 }}><Button loading={more.isPending} onClick={() => more.mutate(next)}>{t('list.more')}</Button></Flex>}
    </>
  );
}

const papers = { count: 'count', receive: 'receive', write_off: 'writeOff' } as const;
type Paper = keyof typeof papers;

function Book({ sku }: { sku: string }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [kind, setKind] = useState<Paper>();
  const [form] = Form.useForm<{ quantity: number; note?: string }>();
  const book = useMutation({
    mutationFn: (v: { kind: Paper; quantity: number; note?: string }) => ask(hub.POST('/api/v1/stock/documents', { body: { kind: v.kind, note: v.note || undefined, lines: [{ sku, quantity: v.quantity }] } })),
    onSuccess: () => {
      done(t('stock.booked'));
      setKind(undefined);
      void client.invalidateQueries({ queryKey: ['stock'] });
    },
    onError: failed,
  });
  const close = () => { setKind(undefined); form.resetFields(); };
  return (
    <Flex gap={6} wrap>
      {(Object.keys(papers) as Paper[]).map((k) => <Button key={k} size="small" onClick={() => setKind(k)}>{t(`stock.${papers[k]}`)}</Button>)}
      <Modal open={kind !== undefined} title={kind && `${sku}: ${t(`stock.${papers[kind]}Ask`)}`} okText={kind && t(`stock.${papers[kind]}`)} okButtonProps={{ danger: kind === 'write_off' }} confirmLoading={book.isPending} onOk={() => form.submit()} onCancel={close} width={380} destroyOnHidden>
        <Form form={form} layout="vertical" onFinish={(v) => kind && book.mutate({ kind, ...v })}>
          <Form.Item name="quantity" label={t('col.units')} rules={[{ required: true, message: t('form.required') }]}><InputNumber min={kind === 'count' ? 0 : 1} max={1_000_000_000} precision={0} autoFocus style={{ width: '100%' }} /></Form.Item>
          <Form.Item name="note" label={t('stock.note')}><Input maxLength={500} /></Form.Item>
        </Form>
      </Modal>
    </Flex>
  );
}
