// How far a comparison or a reading is, and what came of it.
import { Alert, Button, Flex, Progress as Bar, Typography } from 'antd';
import { Link } from 'react-router';
import type { Account } from '../accounts/accounts';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { sentence } from '../shell/state';
import { dismiss, stop, useRun, type Run } from './run';

export function Progress({ accounts }: { accounts: Account[] }) {
  const run = useRun();
  if (!run) return null;
  const name = (id: string) => accounts.find((a) => a.id === id)?.name || id;
  return <div style={{ marginBottom: 12 }}>{run.state === 'running' ? <Going run={run} name={name} /> : <Outcome run={run} name={name} />}</div>;
}

function Going({ run, name }: { run: Run; name: (id: string) => string }) {
  const { t } = useText();
  const f = useFormat();
  const step = run.steps[Math.min(run.done, run.steps.length - 1)];
  if (!step) return null;
  const what = step.do === 'settle' ? t('proof.doing.settle') : step.do === 'ids' ? t('proof.doing.ids', { account: name(step.account) })
    : t(step.do === 'read' ? 'proof.doing.read' : 'proof.doing.compare', { account: name(step.account), day: f.calendar(step.day) });
  return (
    <Alert type="info" role="status" title={what} action={<Button size="small" onClick={stop}>{t('proof.stop')}</Button>}
      description={<Bar percent={Math.round((run.done / run.steps.length) * 100)} size="small" aria-label={what} format={() => t('proof.steps', { done: run.done, all: run.steps.length })} />} />
  );
}

function Outcome({ run, name }: { run: Run; name: (id: string) => string }) {
  const { t } = useText();
  const f = useFormat();
  const lacking = run.days.reduce((n, d) => n + d.lacking, 0);
  const theirs = run.days.reduce((n, d) => n + d.theirs, 0);
  const read = run.steps.some((s) => s.do === 'read' || s.do === 'ids');
  const type = run.failed.length > 0 || run.state === 'stopped' ? 'warning' : lacking > 0 || run.notFound.length > 0 ? 'error' : 'success';
  const lines = [
    run.state === 'stopped' && t('proof.stopped', { done: f.number(run.done), all: f.number(run.steps.length) }),
    read && t('proof.outcome.read', { read: f.number(run.read), saved: f.number(run.saved) }),
    run.days.length > 0 && (lacking > 0 ? t('proof.outcome.gap', { count: lacking, theirs: f.number(theirs) }) : t('proof.outcome.fine', { count: run.days.length, theirs: f.number(theirs) })),
  ].filter((x) => x !== false);
  return (
    <Alert type={type} showIcon role="status" closable={{ onClose: dismiss, 'aria-label': t('form.close') }} title={lines[0] ?? t('proof.outcome.none')} description={
      <Flex vertical gap={4}>
        {lines.slice(1).map((l) => <span key={l}>{l}</span>)}
        {run.notFound.length > 0 && <span>{t('proof.outcome.notFound', { count: run.notFound.length })} <span className="mono">{run.notFound.slice(0, 20).join(', ')}{run.notFound.length > 20 && ' …'}</span></span>}
        {run.failed.map((x) => <span key={x.account}><Typography.Text strong>{name(x.account)}:</Typography.Text> {sentence(x.error, t('state.offline'))} <Link to={`/accounts/${x.account}`}>{t('account.open')}</Link></span>)}
      </Flex>
    } />
  );
}
