// Exchanges of files: where, how each goes, and what became of the last files.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Descriptions, Flex, Popconfirm, Table, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago, Chip } from '../shell/words';
import { EditExchange, type Exchange } from './exchange';
import { facts, Heading, useRenewed } from './parts';

export function Exchanges() {
  const { t } = useText();
  const can = useCan();
  const [editing, setEditing] = useState<Partial<Exchange>>();
  const list = useQuery({ queryKey: ['exchanges'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/file-exchanges', { signal })), select: (x) => x.exchanges, refetchInterval: 5_000 });
  const add = can('accounts.manage') && <Button type="primary" icon={<PlusOutlined />} onClick={() => setEditing({})}>{t('integ.addExchange')}</Button>;
  return (
    <>
      <Shown of={list}>{(all) => all.length === 0 ? <Nothing text={t('integ.noExchanges')} hint={t('integ.noExchangesHint')}>{add}</Nothing> : (
        <Flex vertical gap={14}>
          {add && <Flex justify="end">{add}</Flex>}
          {all.map((x) => <ExchangeCard key={x.id} x={x} onEdit={setEditing} />)}
        </Flex>
      )}</Shown>
      {editing && <EditExchange of={editing} onClose={() => setEditing(undefined)} />}
    </>
  );
}

function ExchangeCard({ x, onEdit }: { x: Exchange; onEdit: (x: Exchange) => void }) {
  const { t } = useText();
  const { failed } = useTell();
  const can = useCan();
  const client = useQueryClient();
  const path = { id: x.id };
  const fresh = () => void client.invalidateQueries({ queryKey: ['exchanges'] });
  const pause = useMutation({ mutationFn: (state: 'active' | 'paused') => ask(hub.PATCH('/api/v1/file-exchanges/{id}', { params: { path }, body: { state } })), onError: failed, onSettled: fresh });
  const remove = useMutation({ mutationFn: () => ask(hub.DELETE('/api/v1/file-exchanges/{id}', { params: { path } })), onError: failed, onSettled: fresh });
  const paused = x.state === 'paused';
  return (
    <Card size="small" title={<Flex gap={8} align="center" wrap><Heading>{x.name}</Heading><Chip colour={paused ? 'grey' : x.problem ? 'red' : 'green'}>{paused ? t('account.paused') : x.problem ? t('account.trouble') : t('account.fine')}</Chip></Flex>}>
      {x.problem && <Alert type="error" showIcon title={x.problem} description={x.failing_since && <>{t('integ.failingSince')}: <Ago at={x.failing_since} /></>} style={{ marginBottom: 10 }} />}
      <Descriptions size="small" column={{ xs: 1, md: 2 }} colon={false} styles={{ label: { width: 190 } }} items={facts([
        [t('integ.place'), <span key="p" className="mono" style={{ overflowWrap: 'anywhere' }}>{x.kind === 'sftp' ? `sftp://${x.user}@${x.address}/${x.folder ?? ''}` : x.folder}</span>],
        [t('integ.orders'), x.orders ? x.orders.toUpperCase() : t('integ.noOrders')],
        [t('integ.looked'), x.ran_at ? <Ago key="r" at={x.ran_at} /> : t('integ.never')], [t('integ.nextLook'), !paused && x.next_at && <Ago key="n" at={x.next_at} />],
        [t('integ.buyer'), x.orders === 'json' && (x.personal ? t('form.yes') : t('form.no'))], [t('integ.kindOf'), t(`integ.${x.kind}`)],
      ])} />
      {can('accounts.manage') && (
        <Flex gap={8} wrap style={{ marginTop: 10 }}>
          <Button size="small" onClick={() => onEdit(x)}>{t('form.edit')}</Button>
          <Button size="small" loading={pause.isPending} onClick={() => pause.mutate(paused ? 'active' : 'paused')}>{paused ? t('account.resume') : t('account.pause')}</Button>
          <Popconfirm title={t('integ.removeAsk', { name: x.name })} description={<div style={{ maxWidth: 300 }}>{t('integ.removeExchangeHint')}</div>} okText={t('form.remove')} onConfirm={() => remove.mutate()}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm>
        </Flex>
      )}
      <Files id={x.id} ran={x.ran_at} />
    </Card>
  );
}

type File = Schemas['ExchangedFile'];

function Files({ id, ran = '' }: { id: number; ran?: string }) {
  const { t, word } = useText();
  const f = useFormat();
  const list = usePages(['exchanges', id], (before: number | undefined, signal) => ask(hub.GET('/api/v1/file-exchanges/{id}/files', { params: { path: { id }, query: { before, limit: 10 } }, signal })), (p) => p.before || undefined, 10);
  useRenewed(['exchanges', id], ran);
  const wrong = (x: File) => !!x.problem || (x.report?.length ?? 0) > 0;
  return (
    <div style={{ marginTop: 10 }}>
      <Shown of={list} rows={2}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.files);
        if (rows.length === 0) return <Typography.Text type="secondary">{t('integ.noFiles')}</Typography.Text>;
        return (
          <Table<File> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} expandable={{ rowExpandable: wrong, expandedRowRender: (x) => <Wrong x={x} /> }} columns={[
            { title: t('stock.when'), key: 'at', width: 110, render: (_, x) => <Ago at={x.created_at} /> },
            { title: t('onec.file'), dataIndex: 'name', render: (n: string) => <span className="mono">{n}</span> },
            { title: t('integ.way'), key: 'way', render: (_, x) => (x.out ? t('integ.out') : t('integ.in')) },
            { title: t('effects.state'), key: 'state', render: (_, x) => <Chip colour={x.state === 'failed' ? 'red' : x.bad > 0 ? 'orange' : x.state === 'began' ? 'blue' : 'green'}>{x.out ? t('integ.written') : word('integState', x.state)}</Chip> },
            { title: t('onec.rows'), dataIndex: 'rows', align: 'right', render: (n: number) => f.number(n) }, { title: t('onec.bad'), dataIndex: 'bad', align: 'right', render: (n: number) => (n ? f.number(n) : '–') },
          ]} />
        );
      }}</Shown>
      <More of={list} />
    </div>
  );
}

// Wrong are the first rows that were left out, and why.
function Wrong({ x }: { x: File }) {
  const { t } = useText();
  const told = x.report?.length ?? 0;
  return (
    <div style={{ whiteSpace: 'normal' }}>
      {x.problem && <Typography.Text type="danger">{x.problem}</Typography.Text>}
      {x.report?.map((r, i) => <div key={i}>{[r.line && t('integ.line', { line: r.line }), r.column, r.why].filter(Boolean).join(' · ')}</div>)}
      {x.bad > told && <Typography.Text type="secondary">{t('integ.moreBad')}</Typography.Text>}
    </div>
  );
}
