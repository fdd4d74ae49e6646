// Orders on a narrow screen: one card each.
import { Card, Checkbox, Flex, Typography } from 'antd';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { Ago, ChannelBadge, Deadline, HoldTags, StatusTag, Tags } from '../shell/words';
import { external } from './columns';
import type { Row } from './query';
import type { Steady } from './steady';

interface Props {
  steady: Steady;
  selected: number[];
  onSelect: (numbers: number[]) => void;
  onOpen: (number: number) => void;
  selectable: boolean;
}

export function Cards({ steady, selected, onSelect, onOpen, selectable }: Props) {
  const { t } = useText();
  const f = useFormat();
  const toggle = (r: Row) => onSelect(selected.includes(r.number) ? selected.filter((n) => n !== r.number) : [...selected, r.number]);
  return (
    <Flex vertical gap={6} role="list">
      {steady.rows.map((r) => (
        <Card key={r.number} size="small" role="listitem" styles={{ body: { padding: '8px 10px' } }} style={{ fontStyle: steady.gone.has(r.number) ? 'italic' : undefined }}>
          <Flex gap={10} align="flex-start">
            {selectable && <Checkbox checked={selected.includes(r.number)} onChange={() => toggle(r)} aria-label={t('orders.select', { number: r.number })} style={{ padding: 4 }} />}
            <button type="button" onClick={() => onOpen(r.number)} style={{ all: 'unset', flex: 1, minWidth: 0, cursor: 'pointer', display: 'block' }}>
              <Flex justify="space-between" gap={8}><Typography.Text strong className="num">{r.number}</Typography.Text><StatusTag status={r.status} requested={r.requested} /></Flex>
              <Flex justify="space-between" gap={8}>
                <ChannelBadge channel={r.channel} account={r.account} />
                <Typography.Text type="secondary" ellipsis style={{ fontSize: 12 }}>{external(r)}</Typography.Text>
              </Flex>
              <Typography.Text ellipsis style={{ display: 'block' }}>{r.first_line}{r.line_count > 1 ? ` +${r.line_count - 1}` : ''}</Typography.Text>
              <Flex justify="space-between" gap={8}>
                <span><Deadline at={r.ship_by} status={r.status} />{!r.ship_by && <Typography.Text type="secondary"><Ago at={r.placed_at} /></Typography.Text>}</span>
                <span className="num">{t('orders.units', { count: r.units })} · {f.money(r.total)}</span>
              </Flex>
              <HoldTags row={r} />
              <Tags of={r.tags} />
            </button>
          </Flex>
        </Card>
      ))}
    </Flex>
  );
}
