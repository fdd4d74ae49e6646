// Orders on a narrow screen: one card each.
import { Checkbox } from 'antd';
import { memo, type Dispatch, type SetStateAction } from 'react';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useLater } from '../shell/later';
import { Ago, ChannelBadge, Deadline, hasLeft, HoldTags, StatusTag, Tags } from '../shell/words';
import { external } from './columns';
import type { Row } from './query';
import type { Steady } from './steady';

interface Choice {
  onSelect: Dispatch<SetStateAction<number[]>>;
  onOpen: (number: number) => void;
  selectable: boolean;
}

const firstScreen = 10;

export function Cards({ steady, selected, ...choice }: Choice & { steady: Steady; selected: number[] }) {
  const all = useLater();
  return (
    <div role="list" className="order-cards">
      {(all ? steady.rows : steady.rows.slice(0, firstScreen)).map((r) => <OneCard key={r.number} row={r} gone={steady.gone.has(r.number)} selected={selected.includes(r.number)} {...choice} />)}
    </div>
  );
}

// OneCard is drawn again when its order has changed, not with each look at the list.
const OneCard = memo(function OneCard({ row: r, gone, selected, onSelect, onOpen, selectable }: Choice & { row: Row; gone: boolean; selected: boolean }) {
  const { t } = useText();
  const f = useFormat();
  const toggle = () => onSelect((all) => (all.includes(r.number) ? all.filter((n) => n !== r.number) : [...all, r.number]));
  return (
    <div role="listitem" className="order-card" style={{ fontStyle: gone ? 'italic' : undefined }}>
      {selectable && <Checkbox checked={selected} onChange={toggle} aria-label={t('orders.select', { number: r.number })} style={{ padding: 4 }} />}
      <button type="button" onClick={() => onOpen(r.number)}>
        <div className="ends"><strong className="num">{r.number}</strong><StatusTag status={r.status} requested={r.requested} /></div>
        <div className="ends"><ChannelBadge channel={r.channel} account={r.account} /><span className="secondary cut" style={{ fontSize: 12 }}>{external(r)}</span></div>
        <div className="cut">{r.first_line}{r.line_count > 1 ? ` +${r.line_count - 1}` : ''}</div>
        <div className="ends">
          <span><Deadline at={r.ship_by} status={r.status} />{(!r.ship_by || hasLeft(r.status)) && <span className="secondary"><Ago at={r.placed_at} /></span>}</span>
          <span className="num">{t('orders.units', { count: r.units })} · {f.money(r.total)}</span>
        </div>
        <HoldTags row={r} />
        <Tags of={r.tags} />
      </button>
    </div>
  );
});
