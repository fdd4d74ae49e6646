// The answer in one sentence: is every order of the last days here?
import { CheckCircleFilled, CloseCircleFilled, InfoCircleFilled } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Flex, Typography } from 'antd';
import type { Account } from '../accounts/accounts';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Ago } from '../shell/words';
import { comparing, daysAgo, reading, span, start, useRun, type Day, type Step } from './run';

// due lists what of the last seven finished days was not compared yet.
function due(accounts: Account[], days: Day[]): { all: number; left: Step[] } {
  const left: Step[] = [];
  let all = 0;
  for (const a of accounts) {
    if (!a.lists_days || a.state !== 'active') continue;
    const since = [a.created_at.slice(0, 10), daysAgo(7)].sort().at(-1) ?? '';
    const wanted = span(since, daysAgo(1));
    all += wanted.length;
    left.push(...comparing([a.id], wanted.filter((day) => !days.some((d) => d.account === a.id && d.day === day))));
  }
  return { all, left };
}

export function Verdict({ accounts, days }: { accounts: Account[]; days: Day[] }) {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  const client = useQueryClient();
  const busy = useRun()?.state === 'running';
  const { all, left } = due(accounts, days);
  const sum = (of: (d: Day) => number) => days.reduce((n, d) => n + of(d), 0);
  const theirs = sum((d) => d.theirs);
  const lacking = sum((d) => d.lacking);
  const state = days.length === 0 ? 'nothing' : lacking > 0 ? 'gap' : 'fine';
  const icon = { nothing: <InfoCircleFilled style={{ color: '#3d6fd6' }} />, gap: <CloseCircleFilled style={{ color: '#d4380d' }} />, fine: <CheckCircleFilled style={{ color: '#389e0d' }} /> }[state];
  const open = days.filter((d) => d.lacking > 0);
  const last = days.map((d) => d.at).sort().at(-1);
  const may = can('accounts.manage');
  const figures: [string, string][] = [
    [t('proof.theirs'), f.number(theirs)], [t('proof.held'), f.number(theirs - lacking)], [t('proof.lacking'), f.number(lacking)], [t('proof.extra'), f.number(sum((d) => d.extra.length))],
    ...(all > 0 ? [[t('proof.days'), t('proof.daysOf', { done: f.number(all - left.length), all: f.number(all) })] as [string, string]] : []),
  ];
  return (
    <Card size="small" role="status">
      <Flex gap={14} align="flex-start">
        <span aria-hidden style={{ fontSize: 30, lineHeight: 1 }}>{icon}</span>
        <Flex vertical gap={10} style={{ minWidth: 0 }}>
          <div>
            <Typography.Title level={2} style={{ margin: 0, fontSize: 17 }}>{state === 'gap' ? t('proof.verdict.gap', { count: lacking }) : t(`proof.verdict.${state}`)}</Typography.Title>
            <Typography.Text type="secondary">{t(`proof.verdict.${state}Hint`)} {last && <>{t('proof.last')} <Ago at={last} />.</>}</Typography.Text>
          </div>
          {days.length > 0 && (
            <Flex gap="8px 24px" wrap component="dl" style={{ margin: 0 }}>
              {figures.map(([label, value]) => (
                <div key={label}><dt><Typography.Text type="secondary" style={{ fontSize: 12 }}>{label}</Typography.Text></dt><dd className="num" style={{ margin: 0, fontSize: 18 }}>{value}</dd></div>
              ))}
            </Flex>
          )}
          {may && (open.length > 0 || left.length > 0) && (
            <Flex gap={8} wrap>
              {open.length > 0 && <Button type="primary" danger disabled={busy} onClick={() => void start(client, open.flatMap((d) => reading(d.account, [d.day])))}>{t('proof.readGaps')}</Button>}
              {left.length > 0 && <Button disabled={busy} onClick={() => void start(client, left)}>{t('proof.compareLeft', { count: left.length })}</Button>}
            </Flex>
          )}
          <Aside accounts={accounts} />
        </Flex>
      </Flex>
    </Card>
  );
}

// Aside tells which accounts are not compared, and why.
function Aside({ accounts }: { accounts: Account[] }) {
  const { t } = useText();
  const f = useFormat();
  const name = (a: Account) => a.name || a.id;
  const names = (list: Account[]) => list.map(name).join(', ');
  const alone = accounts.filter((a) => !a.lists_days && !a.problem);
  const paused = accounts.filter((a) => a.lists_days && a.state === 'paused');
  const failed = accounts.filter((a) => a.state === 'active' && a.audit?.error);
  const next = accounts.flatMap((a) => (a.state === 'active' && a.audit?.next_at) || []).sort()[0];
  return (
    <>
      {failed.map((a) => <Alert key={a.id} type="warning" showIcon title={t('proof.failedBy', { account: name(a) })} description={a.audit?.error} />)}
      <Typography.Text type="secondary" style={{ fontSize: 12 }}>
        {next && `${t('proof.next', { at: f.at(next) })} `}
        {alone.length > 0 && `${t('proof.alone', { accounts: names(alone) })} `}
        {paused.length > 0 && t('proof.paused', { accounts: names(paused) })}
      </Typography.Text>
    </>
  );
}
