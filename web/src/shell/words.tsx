// The hub's words as people see them: tags for states, names of channels, money,
// times.
import { ClockCircleOutlined, PauseCircleOutlined, WarningOutlined } from '@ant-design/icons';
import { Flex, Tooltip } from 'antd';
import type { ReactNode } from 'react';
import type { Schemas } from './api';
import { useFormat, useNow } from './format';
import { useText } from './i18n';

export type Colour = 'grey' | 'blue' | 'cyan' | 'violet' | 'indigo' | 'green' | 'amber' | 'orange' | 'red' | 'pink';

// Plain elements: a list of orders draws hundreds of them, and redraws them each second.

/** Chip is a tag in one of the panel's colours, all readable on both looks. */
export function Chip({ colour, icon, children }: { colour: Colour; icon?: ReactNode; children: ReactNode }) {
  return <span className={`chip chip-${colour}`}>{icon}{icon && ' '}{children}</span>;
}

const statusColour: Record<string, Colour> = {
  unknown: 'pink', pending: 'grey', new: 'blue', confirmed: 'cyan', packed: 'indigo', shipped: 'violet',
  ready_for_pickup: 'amber', delivered: 'green', cancelled: 'grey', partially_returned: 'orange', returned: 'orange',
};

export const statuses = ['pending', 'new', 'confirmed', 'packed', 'shipped', 'ready_for_pickup', 'delivered', 'cancelled', 'partially_returned', 'returned', 'unknown'] as const;
export const holds = ['short', 'unmapped', 'cancel_request', 'arbitration', 'not_accepted', 'ship_failed', 'manual', 'conflict'] as const;
const ended = new Set(['delivered', 'cancelled', 'partially_returned', 'returned', 'shipped', 'ready_for_pickup']);

/** hasLeft: nobody ships it any more. */
export const hasLeft = (status: string) => ended.has(status);

export function StatusTag({ status, requested }: { status: string; requested?: string }) {
  const { t, word } = useText();
  const tag = <Chip colour={statusColour[status] ?? 'grey'}>{word('status', status)}</Chip>;
  if (!requested || requested === status) return tag;
  return (
    <Tooltip title={t('orders.requested', { status: word('status', requested) })}>
      <span style={{ display: 'inline-flex', gap: 4, alignItems: 'center', maxWidth: '100%' }}>{tag}<span className="secondary cut">→ {word('status', requested)}…</span></span>
    </Tooltip>
  );
}

const holdColour: Record<string, Colour> = { short: 'orange', unmapped: 'orange', cancel_request: 'red', arbitration: 'red', not_accepted: 'red', ship_failed: 'red', manual: 'amber', conflict: 'red' };

export function HoldTags({ row }: { row: { holds: string[]; failed?: string } }) {
  const { t, word } = useText();
  if (row.holds.length === 0 && !row.failed) return null;
  return (
    <Flex gap={4} wrap>
      {row.failed && (
        <Chip colour="red" icon={<WarningOutlined />}>{row.failed === 'uncertain' ? t('orders.uncertain') : t('orders.failed')}</Chip>
      )}
      {row.holds.map((h) => (
        <Tooltip key={h} title={word('holdHelp', h)}>
          <span><Chip colour={holdColour[h] ?? 'orange'} icon={h === 'manual' ? <PauseCircleOutlined /> : undefined}>{word('hold', h)}</Chip></span>
        </Tooltip>
      ))}
    </Flex>
  );
}

/** Tags are what people and rules have put on something. */
export function Tags({ of }: { of: readonly string[] }) {
  if (of.length === 0) return null;
  return <Flex gap={4} wrap>{of.map((tag) => <Chip key={tag} colour="violet">{tag}</Chip>)}</Flex>;
}

const channelColour: Record<string, [string, string]> = {
  ozon: ['#0b5cff', 'O'], wildberries: ['#8b1a9b', 'W'], yandex_market: ['#8a5a00', 'Я'], site: ['#3d6b35', '@'],
  woocommerce: ['#7f54b3', 'Wc'], bitrix: ['#b3261e', 'Б'], insales: ['#00695c', 'In'], shopify: ['#4d6b12', 'S'], cml_shop: ['#8a4b08', '1С'],
};

export function ChannelBadge({ channel, account }: { channel: string; account?: string }) {
  const { word } = useText();
  const [colour, letter] = channelColour[channel] ?? ['#555555', channel.slice(0, 1).toUpperCase()];
  return (
    <span title={word('channel', channel)} style={{ display: 'inline-flex', alignItems: 'center', gap: 6, whiteSpace: 'nowrap' }}>
      <span aria-hidden style={{ width: 18, height: 18, borderRadius: 5, background: colour, color: '#fff', fontSize: 11, fontWeight: 700, display: 'inline-grid', placeItems: 'center', flex: 'none' }}>{letter}</span>
      {account ?? word('channel', channel)}
    </span>
  );
}

/** Deadline counts down until the order has left. */
export function Deadline({ at, status }: { at?: string; status: string }) {
  const now = useNow(1);
  const f = useFormat();
  const { t } = useText();
  if (!at || hasLeft(status)) return null; // kept or missed, it counts no more; the card has the date
  const left = Date.parse(at) - now;
  const late = left < 0;
  const hours = Math.floor(Math.abs(left) / 3600_000);
  const span = hours < 48 ? clock(Math.abs(left)) : t('orders.days', { days: Math.floor(hours / 24), hours: hours % 24 });
  const text = late ? t('orders.late', { span }) : span;
  return (
    <span title={f.full(at)} className={`num nowrap ${late ? 'danger' : left < 2 * 3600_000 ? 'warning' : ''}`} style={{ fontWeight: left < 2 * 3600_000 ? 600 : undefined }}>
      {left < 2 * 3600_000 && <ClockCircleOutlined aria-hidden />} {text}
    </span>
  );
}

// clock: 4:05:09, for spans below two days.
function clock(ms: number): string {
  const s = Math.floor(ms / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
}

export function Ago({ at }: { at?: string | null }) {
  const now = useNow(5);
  const f = useFormat();
  if (!at) return null;
  return <time dateTime={at} title={f.full(at)} style={{ whiteSpace: 'nowrap' }}>{f.ago(at, now)}</time>;
}

const effectColour: Record<string, Colour> = {
  intent: 'grey', sent: 'blue', accepted: 'cyan', confirmed: 'green', rejected: 'red', uncertain: 'orange', superseded: 'grey',
};

export function EffectTag({ state }: { state: string }) {
  const { word } = useText();
  return <Chip colour={effectColour[state] ?? 'grey'}>{word('effect', state)}</Chip>;
}

export function Who({ actor }: { actor: Schemas['Actor'] }) {
  const { word } = useText();
  const kind = word('actor', actor.kind);
  return <>{actor.name ? (actor.kind === 'user' || actor.kind === 'channel' ? actor.name : `${kind} · ${actor.name}`) : kind}</>;
}
