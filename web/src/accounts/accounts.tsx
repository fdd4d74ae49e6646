// The connections to channels: health, freshness, and a wizard for a new one.
import { PlusOutlined } from '@ant-design/icons';
import { Button, Card, Flex, Typography } from 'antd';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import type { Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Nothing, Shown } from '../shell/state';
import { useWide } from '../shell/wide';
import { ChannelBadge, Chip, type Colour } from '../shell/words';
import { useAccounts } from '../orders/query';
import { AccountDrawer } from './account';
import { Wizard } from './wizard';

export type Account = Schemas['AccountView'];

export function useAccountState() {
  const { t } = useText();
  return (a: Account): { colour: Colour; text: string } => {
    if (a.state === 'paused') return { colour: 'amber', text: t('account.paused') };
    if (a.state === 'removed') return { colour: 'grey', text: t('account.removed') };
    if (a.health.class === 'auth') return { colour: 'red', text: t('account.auth') };
    if (a.problem || a.health.error) return { colour: 'orange', text: t('account.trouble') };
    return { colour: 'green', text: t('account.fine') };
  };
}

export default function Accounts() {
  const { t } = useText();
  const can = useCan();
  const accounts = useAccounts(4);
  const [adding, setAdding] = useState(false);
  const { id } = useParams();
  const go = useNavigate();
  const add = can('accounts.manage') && <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t('account.add')}</Button>;
  return (
    <div className="page">
      <Head title={t('nav.accounts')}>{add}</Head>
      <Shown of={accounts}>
        {(list) => list.length === 0
          ? <Nothing text={t('account.none')} hint={t('account.noneHint')}>{add}</Nothing>
          : <Flex wrap gap={12}>{list.map((a) => <AccountCard key={a.id} a={a} onOpen={() => void go(`/accounts/${a.id}`)} />)}</Flex>}
      </Shown>
      {adding && <Wizard taken={(accounts.data ?? []).map((a) => a.id)} onClose={(made) => { setAdding(false); if (made) void go(`/accounts/${made}`); }} />}
      {id && <AccountDrawer id={id} onClose={() => void go('/accounts')} />}
    </div>
  );
}

function AccountCard({ a, onOpen }: { a: Account; onOpen: () => void }) {
  const { t, said } = useText();
  const f = useFormat();
  const wide = useWide();
  const state = useAccountState()(a);
  const lag = Math.max(0, ...a.feeds.filter((x) => x.confirmed_at).map((x) => x.lag_seconds));
  const waiting = Object.entries(a.effects).filter(([k]) => k === 'intent' || k === 'sent' || k === 'accepted').reduce((n, [, v]) => n + v, 0);
  const bad = (a.effects.rejected ?? 0) + (a.effects.uncertain ?? 0);
  const facts: [string, string, boolean][] = [
    [t('account.lag'), a.feeds.some((x) => x.confirmed_at) ? f.span(lag) : t('account.never'), a.feeds.some((x) => x.late)],
    [t('account.sending'), f.number(waiting), false],
    [t('account.failed'), f.number(bad), bad > 0],
    [t('account.quarantine'), f.number(a.quarantine), a.quarantine > 0],
    ...(a.stock ? [[t('account.stockLag'), a.stock.measured ? f.span(a.stock.mean_seconds) : '–', a.stock.foreign > 0] as [string, string, boolean]] : []),
  ];
  return (
    <Card size="small" style={{ width: wide ? 340 : '100%' }} title={<ChannelBadge channel={a.channel} account={a.name || a.id} />} extra={<Chip colour={state.colour}>{state.text}</Chip>}
      actions={[<Button key="open" type="link" onClick={onOpen}>{t('account.open')}</Button>]}>
      {a.problem && <Typography.Paragraph type="danger" ellipsis={{ rows: 2 }} style={{ marginBottom: 8 }}>{said(a.problem)}</Typography.Paragraph>}
      <dl style={{ display: 'grid', gridTemplateColumns: '1fr auto', gap: '3px 12px', margin: 0 }}>
        {facts.map(([label, value, alarm]) => [
          <dt key={`${label}t`}><Typography.Text type="secondary">{label}</Typography.Text></dt>,
          <dd key={`${label}d`} style={{ margin: 0, textAlign: 'right' }}><Typography.Text className="num" type={alarm ? 'danger' : undefined}>{value}</Typography.Text></dd>,
        ])}
      </dl>
    </Card>
  );
}
