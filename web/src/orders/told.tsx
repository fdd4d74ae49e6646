// What an entry of the history says, in the language of the panel where its data
// tell it, else the hub's sentence.
import { Typography } from 'antd';
import { Link } from 'react-router';
import { Done } from '../rules/done';
import type { Schemas } from '../shell/api';
import { useText } from '../shell/i18n';
import { Photos } from '../shell/photo';
import { useCan } from '../shell/session';
import { Chip } from '../shell/words';
import { Person } from './marks';

interface Data {
  added?: string[];
  removed?: string[];
  to?: string;
  deleted?: boolean;
  rule?: number;
  outcome?: string;
  actions?: Schemas['ActionOutcome'][];
  photos?: number[];
}

export function Told({ e }: { e: Schemas['Event'] }) {
  const { t, said } = useText();
  const d = (e.data ?? {}) as Data;
  switch (e.kind) {
    case 'note': return <>{d.deleted ? t('told.noteDropped') : t('told.note')}</>;
    case 'tags': return <>{[d.added?.length && `+ ${d.added.join(', ')}`, d.removed?.length && `− ${d.removed.join(', ')}`].filter(Boolean).join('; ')}</>;
    case 'assigned': return <>{d.to ? <Person login={d.to} /> : t('firing.nobody')}</>;
    case 'rule': return <Fired d={d} why={e.why} />;
    case 'effect': return <Went why={e.why ?? ''} />;
    case 'return': return <Return d={d} why={e.why} />;
    default: return <>{said(e.why)}</>;
  }
}

// Return shows by which photos goods were received or decided about.
function Return({ d, why }: { d: Data; why?: string }) {
  const { said } = useText();
  const can = useCan();
  return <>{said(why)}{d.photos && can('returns.read') && <Photos ids={d.photos} />}</>;
}

// Went: an effect's entry is its state, and after a colon what went wrong.
function Went({ why }: { why: string }) {
  const { word, said } = useText();
  const [, state, error] = /^(\w+)(?:: (.*))?$/s.exec(why) ?? [];
  return <>{state ? [word('effect', state), said(error)].filter(Boolean).join(': ') : said(why)}</>;
}

const bad = new Set(['refused', 'failed', 'stopped', 'too_deep']);

function Fired({ d, why }: { d: Data; why?: string }) {
  const { t, word, said } = useText();
  const can = useCan();
  return (
    <div>
      {d.outcome && bad.has(d.outcome) && <Chip colour="red">{word('firing', d.outcome)}</Chip>}
      {d.actions?.length ? <Done actions={d.actions} /> : <Typography.Text>{said(why)}</Typography.Text>}
      {d.rule !== undefined && can('rules.read') && <Link to={`/rules/${d.rule}`} style={{ fontSize: 12 }}>{t('told.rule')}</Link>}
    </div>
  );
}
