// Automation rules: when this happens to an order, and a condition holds, do that.
import { PlusOutlined } from '@ant-design/icons';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Card, Flex, Popconfirm, Segmented, Switch, Table, Tooltip, Typography } from 'antd';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { useWide } from '../shell/wide';
import { Chip } from '../shell/words';
import { RuleDrawer } from './editor';
import { Firings } from './firings';

export type Rule = Schemas['AutoRuleView'];

export function useRules() {
  return useQuery({ queryKey: ['autorules'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/rules', { signal })), select: (r) => r.rules, refetchInterval: 30_000 });
}

/** useThen says in one line what an action will do. */
export function useThen() {
  const { word } = useText();
  return (a: Schemas['ActionBody']) => {
    const detail = a.status ? word('status', a.status) : a.tag ?? a.assignee ?? a.text ?? '';
    return `${word('act', a.do)}${detail && `: ${detail}`}`;
  };
}

export default function Rules() {
  const { t } = useText();
  const can = useCan();
  const { id } = useParams();
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const view = params.get('view') === 'firings' ? 'firings' : 'rules';
  const rules = useRules();
  const open = id === 'new' ? {} : rules.data?.find((r) => String(r.id) === id);
  return (
    <div className="page">
      <Head title={t('nav.rules')}>{can('rules.manage') && <Button type="primary" icon={<PlusOutlined />} onClick={() => void go('/rules/new')}>{t('rules.add')}</Button>}</Head>
      <Flex style={{ marginBottom: 10 }}><Segmented aria-label={t('orders.presets')} value={view} onChange={(v) => setParams(v === 'rules' ? {} : { view: v })} options={[{ value: 'rules', label: t('rules.rules') }, { value: 'firings', label: t('rules.firings') }]} /></Flex>
      {view === 'firings' ? <Firings /> : (
        <Shown of={rules}>{(list) => (list.length === 0 ? <Nothing text={t('rules.none')} hint={t('rules.noneHint')} /> : <List rules={list} />)}</Shown>
      )}
      {id && open && <RuleDrawer key={id} rule={open} onClose={() => void go('/rules')} onSaved={(n) => void go(`/rules/${n}`)} />}
    </div>
  );
}

function List({ rules }: { rules: Rule[] }) {
  const { t, word, said } = useText();
  const wide = useWide();
  const can = useCan();
  const then = useThen();
  const { failed } = useTell();
  const client = useQueryClient();
  const fresh = () => void client.invalidateQueries({ queryKey: ['autorules'] });
  const toggle = useMutation({ mutationFn: (v: { id: number; enabled: boolean }) => ask(hub.PATCH('/api/v1/rules/{id}', { params: { path: { id: v.id } }, body: { enabled: v.enabled } })), onError: failed, onSettled: fresh });
  const remove = useMutation({ mutationFn: (id: number) => ask(hub.DELETE('/api/v1/rules/{id}', { params: { path: { id } } })), onError: failed, onSettled: fresh });
  const on = (r: Rule) => <Switch size="small" checked={r.enabled} disabled={!can('rules.manage')} aria-label={r.name} loading={toggle.isPending && toggle.variables.id === r.id} onChange={(enabled) => toggle.mutate({ id: r.id, enabled })} />;
  const name = (r: Rule) => <><Link to={`/rules/${r.id}`} style={{ fontWeight: 600 }}>{r.name}</Link>{r.failing && <> <Tooltip title={said(r.problem)}><span><Chip colour="red">{t('rules.failing')}</Chip></span></Tooltip></>}</>;
  const when = (r: Rule) => r.on.map((e) => word('event', e)).join(', ');
  const condition = (r: Rule) => (r.if ? <span className="mono" style={{ display: 'inline-block', maxWidth: 360, overflowWrap: 'anywhere', whiteSpace: 'normal' }}>{r.if}</span> : <Typography.Text type="secondary">{t('rules.always')}</Typography.Text>);
  const actions = (r: Rule) => r.then.map((a, i) => <div key={i} style={{ maxWidth: 300, overflowWrap: 'anywhere' }}>{then(a)}</div>);
  const drop = (r: Rule) => can('rules.manage') && <Popconfirm title={t('notify.removeAsk', { name: r.name })} okText={t('form.remove')} onConfirm={() => remove.mutate(r.id)}><Button size="small" danger>{t('form.remove')}</Button></Popconfirm>;
  if (!wide) {
    return (
      <Flex vertical gap={8}>{rules.map((r) => (
        <Card key={r.id} size="small">
          <Flex justify="space-between" align="start" gap={10}><span style={{ minWidth: 0, overflowWrap: 'anywhere' }}>{name(r)}</span>{on(r)}</Flex>
          <div>{when(r)}</div><div>{condition(r)}</div>{actions(r)}
          <div style={{ marginTop: 6 }}>{drop(r)}</div>
        </Card>
      ))}</Flex>
    );
  }
  return (
    <Table<Rule> size="small" rowKey="id" pagination={false} dataSource={rules} scroll={{ x: 'max-content' }} columns={[
      { title: t('notify.on'), key: 'on', width: 70, render: (_, r) => on(r) }, { title: t('products.name'), key: 'name', render: (_, r) => name(r) },
      { title: t('rules.when'), key: 'when', render: (_, r) => when(r) }, { title: t('rules.if'), key: 'if', render: (_, r) => condition(r) },
      { title: t('rules.then'), key: 'then', render: (_, r) => actions(r) }, { title: '', key: 'act', width: 110, render: (_, r) => drop(r) },
    ]} />
  );
}
