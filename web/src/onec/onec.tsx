// Exchanges with 1C: when each called last, what waits, and what a person must
// settle.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Descriptions, Flex, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Ago, Chip } from '../shell/words';
import { NodeActions } from './actions';
import { EditNode, Password, type Node } from './edit';

export default function Onec() {
  const { t } = useText();
  const can = useCan();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Node>();
  const nodes = useQuery({ queryKey: ['onec'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/onec/nodes', { signal })), select: (n) => n.nodes, refetchInterval: 15_000 });
  const add = can('accounts.manage') && <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t('onec.add')}</Button>;
  return (
    <div className="page">
      <Head title={t('nav.onec')}>{add}</Head>
      <Shown of={nodes}>{(list) => (list.length === 0 ? <Nothing text={t('onec.none')} hint={t('onec.noneHint')} /> : (
        <Flex vertical gap={14}>
          <Conflicts names={new Map(list.map((n) => [n.id, n.name ?? String(n.id)]))} />
          {list.map((n) => <NodeCard key={n.id} n={n} onPassword={setMade} />)}
        </Flex>
      ))}</Shown>
      {adding && <EditNode node={{}} onClose={(n) => { setAdding(false); if (n?.password) setMade(n); }} />}
      {made && <Password of={made} onClose={() => setMade(undefined)} />}
    </div>
  );
}

// Conflicts are tasks: what 1C and the hub do not agree on, and what to do.
function Conflicts({ names }: { names: ReadonlyMap<number, string> }) {
  const { t, word, said } = useText();
  const can = useCan();
  const { failed } = useTell();
  const client = useQueryClient();
  const list = useQuery({ queryKey: ['onec', 'conflicts'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/onec/conflicts', { params: { query: { state: 'open', limit: 100 } }, signal })), refetchInterval: 15_000 });
  const done = useMutation({ mutationFn: (id: number) => ask(hub.POST('/api/v1/onec/conflicts/{id}/done', { params: { path: { id } } })), onError: failed, onSettled: () => void client.invalidateQueries({ queryKey: ['onec'] }) });
  return (
    <Card size="small" title={<h2 style={{ margin: 0, fontSize: 14 }}>{t('onec.tasks')}</h2>}>
      <Shown of={list} rows={2}>{({ conflicts }) => (conflicts.length === 0 ? <Typography.Text type="secondary">{t('onec.noTasks')}</Typography.Text> : (
        <Table<Schemas['OnecConflictView']> size="small" rowKey="id" pagination={conflicts.length > 20 ? { pageSize: 20, showSizeChanger: false } : false} dataSource={conflicts} scroll={{ x: 'max-content' }} columns={[
          { title: t('col.number'), key: 'number', width: 100, render: (_, c) => c.number && <Link className="num" to={`/orders/${c.number}`}>{c.number}</Link> },
          { title: t('onec.what'), key: 'what', render: (_, c) => <div style={{ maxWidth: 460, whiteSpace: 'normal' }}><Typography.Text strong>{word('onecField', c.field)}</Typography.Text>{c.wanted && <>: {c.field === 'status' || c.wanted === 'cancelled' ? word('status', c.wanted) : said(c.wanted)}</>}<div>{said(c.why)}</div></div> },
          { title: t('onec.todo'), key: 'todo', render: (_, c) => <div style={{ maxWidth: 380, whiteSpace: 'normal' }}>{word('onecTodo', c.field)}</div> },
          { title: t('onec.node'), key: 'node', render: (_, c) => names.get(c.node) ?? c.node },
          { title: t('stock.when'), key: 'at', render: (_, c) => <Ago at={c.created_at} /> },
          { title: '', key: 'act', width: 110, render: (_, c) => can('orders.work') && <Button size="small" loading={done.isPending && done.variables === c.id} onClick={() => done.mutate(c.id)}>{t('onec.settled')}</Button> },
        ]} />
      ))}</Shown>
    </Card>
  );
}

function NodeCard({ n, onPassword }: { n: Node; onPassword: (n: Node) => void }) {
  const { t, word, said } = useText();
  const f = useFormat();
  const can = useCan();
  const state = useQuery({ queryKey: ['onec', n.id], queryFn: ({ signal }) => ask(hub.GET('/api/v1/onec/nodes/{id}', { params: { path: { id: n.id } }, signal })), refetchInterval: 15_000 });
  const s = state.data;
  const facts: [string, React.ReactNode][] = [
    [t('onec.seen'), n.seen_at ? <Ago key="s" at={n.seen_at} /> : t('onec.never')], [t('onec.taken'), n.taken_at ? <Ago key="t" at={n.taken_at} /> : t('onec.never')],
    [t('onec.due'), s && f.number(s.due)], [t('onec.sticking'), s && s.sticking > 0 && f.number(s.sticking)], [t('onec.unanswered'), n.unanswered > 0 && f.number(n.unanswered)],
    [t('onec.login'), <span key="l" className="mono">{n.login}</span>], [t('onec.address'), <Typography.Text key="a" className="mono" copyable>{`${location.origin}/1c/exchange`}</Typography.Text>],
    [t('onec.masters'), (['stock', 'status', 'products'] as const).map((k) => `${t(`onec.master.${k}`)}: ${word('onecMaster', n[k])}`).join('; ')],
  ];
  return (
    <Card size="small" title={<Flex gap={8} align="center"><h2 style={{ margin: 0, fontSize: 14 }}>{n.name}</h2><Chip colour={n.state === 'paused' ? 'grey' : n.problem ? 'red' : 'green'}>{n.state === 'paused' ? t('account.paused') : n.problem ? t('account.trouble') : t('account.fine')}</Chip></Flex>}>
      {n.problem && <Alert type="error" showIcon title={said(n.problem)} description={n.problem_at && <Ago at={n.problem_at} />} style={{ marginBottom: 10 }} />}
      <Descriptions size="small" column={{ xs: 1, md: 2 }} colon={false} styles={{ label: { width: 190 } }} items={facts.filter(([, v]) => v).map(([label, children]) => ({ key: label, label, children }))} />
      {can('accounts.manage') && <div style={{ marginTop: 10 }}><NodeActions n={n} onPassword={onPassword} /></div>}
      {s && s.files.length > 0 && (
        <Table<Schemas['OnecFileView']> size="small" rowKey="id" pagination={false} dataSource={s.files} scroll={{ x: 'max-content' }} style={{ marginTop: 10 }}
          expandable={{ rowExpandable: (x) => !!x.problem || (x.report?.length ?? 0) > 0, expandedRowRender: (x) => <div>{said(x.problem)}{x.report?.map((r) => <div key={r.row}>{[r.row, r.id, said(r.why)].filter(Boolean).join(' · ')}</div>)}</div> }}
          columns={[
            { title: t('onec.file'), dataIndex: 'name', render: (v: string) => <span className="mono">{v}</span> },
            { title: t('effects.state'), key: 'state', render: (_, x) => <Chip colour={x.problem ? 'red' : x.bad ? 'orange' : 'grey'}>{word('onecFile', x.state)}</Chip> },
            { title: t('onec.rows'), dataIndex: 'rows', align: 'right', render: (v: number) => f.number(v) }, { title: t('onec.bad'), dataIndex: 'bad', align: 'right', render: (v: number) => (v ? f.number(v) : '–') },
            { title: t('stock.when'), key: 'at', render: (_, x) => <Ago at={x.started_at} /> },
          ]} />
      )}
    </Card>
  );
}
