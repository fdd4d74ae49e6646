// By when something must be done about an order.
import { Flex, Typography } from 'antd';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useText } from '../shell/i18n';
import { Deadline } from '../shell/words';
import { Section, type CardData } from './card';

const before = new Set(['pending', 'new', 'confirmed', 'packed']);

export function Deadlines({ o }: { o: CardData }) {
  const { t, word } = useText();
  const all: { key: string; what: ReactNode; at: string }[] = [];
  if (o.ship_by && before.has(o.status)) all.push({ key: 'ship', what: t('due.ship'), at: o.ship_by });
  if (o.answer_by) all.push({ key: 'cancel', what: t('due.cancel'), at: o.answer_by });
  for (const r of o.returns) {
    if (r.deadline && r.due) all.push({ key: `r${r.id}`, what: <Link to={`/returns/${r.id}`}>{t('due.return', { id: r.id, what: word('due', r.due) })}</Link>, at: r.deadline });
  }
  if (all.length === 0) return null;
  return (
    <Section title={t('due.title')}>
      <Flex vertical gap={4}>
        {all.sort((a, b) => a.at.localeCompare(b.at)).map((d) => <Flex key={d.key} justify="space-between" gap={12}><Typography.Text>{d.what}</Typography.Text><Deadline at={d.at} status="new" /></Flex>)}
      </Flex>
    </Section>
  );
}
