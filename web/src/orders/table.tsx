// The table of orders with its keys: j and k move, enter opens, x selects.
import { Table } from 'antd';
import type { ColumnType } from 'antd/es/table';
import { useEffect, useRef, useState } from 'react';
import { useText } from '../shell/i18n';
import type { Row } from './query';
import type { Steady } from './steady';

interface Props {
  steady: Steady;
  columns: ColumnType<Row>[];
  selected: number[];
  onSelect: (numbers: number[]) => void;
  selectable: boolean;
  onOpen: (number: number) => void;
  /** Somebody is at the table: its rows must not move. */
  onHold: (held: boolean) => void;
  /** The keys belong to somebody else. */
  paused: boolean;
  loading: boolean;
}

/** typing tells whether a key belongs to a field, a menu or a dialog. */
export function typing(e: KeyboardEvent): boolean {
  const el = e.target as HTMLElement | null;
  return e.ctrlKey || e.metaKey || e.altKey || !!el?.closest('input:not([type=checkbox]), textarea, select, [contenteditable], [role=menu], [role=dialog], [role=listbox]');
}

export function OrdersTable({ steady, columns, selected, onSelect, selectable, onOpen, onHold, paused, loading }: Props) {
  const { t } = useText();
  const { rows } = steady;
  const [at, setAt] = useState<number>();

  useEffect(() => {
    if (paused) return;
    const onKey = (e: KeyboardEvent) => {
      if (typing(e)) return;
      const i = rows.findIndex((r) => r.number === at);
      const move = (to: number) => {
        const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
        if (!row) return;
        e.preventDefault();
        setAt(row.number);
        document.querySelector(`[data-row-key="${row.number}"]`)?.scrollIntoView({ block: 'nearest' });
      };
      switch (e.key) {
        case 'j': return move(i + 1);
        case 'k': return move(i < 0 ? 0 : i - 1);
        case 'Enter':
          if (at !== undefined && i >= 0 && !(e.target as HTMLElement).closest('a, button')) onOpen(at);
          return;
        case 'x':
          if (at !== undefined && selectable) onSelect(selected.includes(at) ? selected.filter((n) => n !== at) : [...selected, at]);
          return;
        case 'Escape': setAt(undefined); return onSelect([]);
        case '/':
          e.preventDefault();
          document.querySelector<HTMLInputElement>('.orders-search input')?.focus();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [rows, at, selected, onSelect, onOpen, selectable, paused]);

  const looked = at !== undefined;
  useEffect(() => {
    if (looked) onHold(true);
  }, [looked, onHold]);
  // Whoever leaves the table may be on the way to the button that shows what is new.
  const leaving = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(leaving.current), []);
  const enter = () => {
    clearTimeout(leaving.current);
    onHold(true);
  };
  const leave = () => {
    leaving.current = setTimeout(() => onHold(looked || scrollY > 200), 3000);
  };

  // The kit measures columns in a hidden row that repeats the headings, boxes to
  // tick included: nobody may get there with the keyboard.
  const hidden = useRef<HTMLDivElement>(null);
  useEffect(() => {
    hidden.current?.querySelectorAll('.ant-table-measure-row').forEach((row) => row.setAttribute('inert', ''));
  });

  return (
    <div ref={hidden} onPointerEnter={enter} onPointerLeave={leave}>
      <Table<Row>
        size="small" rowKey="number" dataSource={rows} columns={columns} pagination={false} loading={loading} tableLayout="fixed"
        sticky={{ offsetHeader: 48 }} scroll={{ x: columns.reduce((w, c) => w + Number(c.width ?? 170), selectable ? 40 : 0) }}
        rowSelection={selectable ? {
          columnWidth: 40, selectedRowKeys: selected, onChange: (keys) => onSelect(keys as number[]), preserveSelectedRowKeys: false,
          getCheckboxProps: (r) => ({ 'aria-label': t('orders.select', { number: r.number }) }) as object,
          getTitleCheckboxProps: () => ({ 'aria-label': t('orders.selectAll') }) as object,
        } : undefined}
        rowClassName={(r) => `clickable${r.number === at ? ' row-at' : ''}${steady.gone.has(r.number) ? ' row-gone' : ''}${steady.fresh.has(r.number) ? ' row-fresh' : ''}`}
        onRow={(r) => ({
          onClick: (e) => {
            if ((e.target as HTMLElement).closest('a, button, label, input, .ant-table-selection-column') || getSelection()?.toString()) return;
            setAt(r.number);
            onOpen(r.number);
          },
        })}
      />
    </div>
  );
}
