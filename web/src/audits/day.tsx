// One compared day: each order that one side did not show, where it is now, and what
// can be done.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Flex, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import type { Account } from '../accounts/accounts';
import { Payload } from '../orders/timeline';
import { ask, hub, type Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Shown } from '../shell/state';
import { Chip, StatusTag } from '../shell/words';
import { comparing, reading, start, useRun, type Day } from './run';

type Order = Schemas['AuditedOrder'];

export function Orders({ day, account, wide }: { day: Day; account?: Account; wide: boolean }) {
  const { t } = useText();
  const can = useCan();
  const client = useQueryClient();
  const busy = useRun()?.state === 'running';
  const none = day.missing.length + day.extra.length === 0;
  const manage = can('accounts.manage') && account?.lists_days;
  return (
    <Flex vertical gap={10} style={{ padding: '4px 0' }}>
      <Typography.Text>{day.lacking > 0 ? t('proof.said.gap', { count: day.lacking }) : day.missing.length > 0 ? t('proof.said.closed', { count: day.missing.length }) : t('proof.said.complete', { count: day.theirs })}</Typography.Text>
      {!none && <Gaps day={day} wide={wide} />}
      {manage && (
        <Flex gap={8} wrap>
          <Button size="small" disabled={busy} type={day.lacking > 0 ? 'primary' : 'default'} onClick={() => void start(client, reading(day.account, [day.day]))}>{t('proof.readDay')}</Button>
          <Button size="small" disabled={busy} onClick={() => void start(client, comparing([day.account], [day.day]))}>{t('proof.again')}</Button>
        </Flex>
      )}
    </Flex>
  );
}

function Gaps({ day, wide }: { day: Day; wide: boolean }) {
  const { t } = useText();
  const card = useQuery({ queryKey: ['audit', day.account, day.day, day.at], queryFn: ({ signal }) => ask(hub.GET('/api/v1/accounts/{account}/audits/{day}', { params: { path: { account: day.account, day: day.day } }, signal })) });
  return (
    <Shown of={card} rows={2}>{({ orders, missing, extra }) => {
      const shown = wide ? orders : orders.slice(0, fewest);
      const List = wide ? Rows : Blocks;
      return (
        <>
          <List orders={shown} account={day.account} />
          {shown.length < missing.length + extra.length && <Typography.Text type="secondary">{t('proof.first', { count: shown.length })}</Typography.Text>}
        </>
      );
    }}</Shown>
  );
}

// fewest is how many orders a phone shows of a day.
const fewest = 50;

interface Found {
  orders: Order[];
  account: string;
}

function Rows({ orders, account }: Found) {
  const { t } = useText();
  return (
    <Table<Order> size="small" rowKey={(o) => o.gap + o.external_id} dataSource={orders} pagination={orders.length > 20 ? { pageSize: 20, showSizeChanger: false, size: 'small' } : false} scroll={{ x: 'max-content' }} columns={[
      { title: t('troubles.id'), key: 'id', width: 190, render: (_, o) => <Typography.Text className="mono" copyable>{o.external_id}</Typography.Text> },
      { title: t('proof.what'), key: 'gap', width: 190, render: (_, o) => <What o={o} /> },
      { title: t('proof.where'), key: 'where', render: (_, o) => <Where o={o} account={account} /> },
    ]} />
  );
}

function Blocks({ orders, account }: Found) {
  return orders.map((o) => (
    <Flex key={o.gap + o.external_id} vertical gap={4} style={{ borderBottom: '1px solid rgba(128,128,128,.2)', paddingBottom: 6 }}>
      <Flex gap={8} wrap justify="space-between"><Typography.Text className="mono" copyable>{o.external_id}</Typography.Text><What o={o} /></Flex>
      <Where o={o} account={account} />
    </Flex>
  ));
}

function What({ o }: { o: Order }) {
  const { t } = useText();
  if (o.gap === 'extra') return <Chip colour="grey">{t('proof.extra')}</Chip>;
  return o.number ? <Chip colour="cyan">{t('proof.came')}</Chip> : <Chip colour="red">{t('proof.lacking')}</Chip>;
}

// Where an order is by now: on its card, in the inbox, or nowhere.
function Where({ o, account }: { o: Order; account: string }) {
  const { t } = useText();
  const can = useCan();
  const [open, setOpen] = useState(false);
  const quarantined = o.raw_state === 'quarantined';
  return (
    <Flex vertical gap={4} style={{ maxWidth: 560 }}>
      <Flex gap={8} wrap align="center">
        {o.number ? <><Link to={`/orders/${o.number}`} className="num">{t('order.title', { number: o.number })}</Link>{o.status && <StatusTag status={o.status} />}</> : null}
        {!o.number && quarantined && <Link to={`/troubles?view=quarantine&account=${account}`}>{t('proof.quarantined')}</Link>}
        {!o.number && !quarantined && <Typography.Text type="secondary">{o.raw_state === 'pending' ? t('proof.pending') : o.raw ? t('proof.aside') : t('proof.unknown')}</Typography.Text>}
        {o.raw && can('inbox.read') && can('personal_data') && <Button type="link" size="small" style={{ padding: 0, height: 'auto' }} aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t('order.rawHide') : t('order.raw')}</Button>}
      </Flex>
      {o.gap === 'extra' && <Typography.Text type="secondary" style={{ whiteSpace: 'normal', fontSize: 12 }}>{t('proof.extraWhy')}</Typography.Text>}
      {quarantined && o.raw_error && <Typography.Text type="danger" style={{ whiteSpace: 'normal' }}>{o.raw_error}</Typography.Text>}
      {open && o.raw && <Payload id={o.raw} />}
    </Flex>
  );
}
