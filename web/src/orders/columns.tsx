// The columns of the table of orders.
import { Typography } from 'antd';
import type { ColumnType } from 'antd/es/table';
import { Link } from 'react-router';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { Ago, ChannelBadge, Deadline, HoldTags, StatusTag, Tags } from '../shell/words';
import { Person } from './marks';
import type { Row } from './query';

export const columnNames = ['number', 'external', 'account', 'status', 'deadline', 'holds', 'goods', 'units', 'total', 'customer', 'placed', 'native', 'scheme', 'payment', 'tags', 'assignee', 'updated'] as const;
export type Column = (typeof columnNames)[number];

export const usualColumns: readonly Column[] = ['number', 'external', 'account', 'status', 'deadline', 'holds', 'goods', 'units', 'total', 'placed'];

export const external = (r: Row) => r.external_number || r.external_id;

export function useColumns(search: string): Record<Column, ColumnType<Row>> {
  const { t, word } = useText();
  const f = useFormat();
  const dim = (text: string) => <Typography.Text type="secondary">{text}</Typography.Text>;
  const of = (key: Column, rest: ColumnType<Row>): ColumnType<Row> => ({ key, title: t(`col.${key}`), ...rest });
  return {
    number: of('number', {
      width: 86, fixed: 'left',
      render: (_, r) => <Link to={{ pathname: `/orders/${r.number}`, search }} className="num" style={{ fontWeight: 600 }} onClick={(e) => e.stopPropagation()}>{r.number}</Link>,
    }),
    external: of('external', { width: 146, ellipsis: true, render: (_, r) => <span title={external(r)}>{dim(external(r))}</span> }),
    account: of('account', { width: 130, render: (_, r) => <ChannelBadge channel={r.channel} account={r.account} /> }),
    status: of('status', { width: 152, render: (_, r) => <StatusTag status={r.status} requested={r.requested} /> }),
    deadline: of('deadline', { width: 112, render: (_, r) => <Deadline at={r.ship_by} status={r.status} /> }),
    holds: of('holds', { width: 124, render: (_, r) => <HoldTags row={r} /> }),
    goods: of('goods', { ellipsis: true, render: (_, r) => <span title={r.first_line}>{r.first_line}{r.line_count > 1 && dim(` +${r.line_count - 1}`)}</span> }),
    units: of('units', { width: 64, align: 'right', render: (_, r) => <span className="num">{f.number(r.units)}</span> }),
    total: of('total', { width: 110, align: 'right', render: (_, r) => <span className="num nowrap">{f.money(r.total)}</span> }),
    customer: of('customer', { width: 160, ellipsis: true, render: (_, r) => r.customer }),
    placed: of('placed', { width: 96, render: (_, r) => <Ago at={r.placed_at} /> }),
    native: of('native', { width: 170, ellipsis: true, render: (_, r) => <span className="mono">{[r.native, r.native_sub].filter(Boolean).join(' / ')}</span> }),
    scheme: of('scheme', { width: 80, render: (_, r) => r.scheme.toUpperCase() }),
    payment: of('payment', { width: 110, render: (_, r) => word('payment', r.payment) }),
    tags: of('tags', { width: 150, render: (_, r) => <Tags of={r.tags} /> }),
    assignee: of('assignee', { width: 130, ellipsis: true, render: (_, r) => r.assignee && <Person login={r.assignee} /> }),
    updated: of('updated', { width: 110, render: (_, r) => <Ago at={r.updated_at} /> }),
  };
}
