// What rules did, newest first.
import { Flex, Select, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub } from '../shell/api';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Nothing, Shown } from '../shell/state';
import { Ago, Chip, type Colour } from '../shell/words';
import { Done } from './done';
import { useRules } from './rules';

const outcomes = ['done', 'refused', 'failed', 'too_deep', 'stopped'] as const;
type Outcome = (typeof outcomes)[number];
const colour: Record<string, Colour> = { done: 'green', refused: 'orange', failed: 'red', too_deep: 'red', stopped: 'red' };

export function Firings({ rule }: { rule?: number }) {
  const { t, word, said } = useText();
  const [outcome, setOutcome] = useState<Outcome>();
  const rules = useRules();
  const list = usePages(['firings', rule, outcome], (before: number | undefined, signal) => ask(hub.GET('/api/v1/firings', { params: { query: { rule, outcome, before, limit: rule ? 20 : 50 } }, signal })), (p) => p.before || undefined, 10);
  const name = (id: number) => rules.data?.find((r) => r.id === id)?.name;
  return (
    <Flex vertical gap={8}>
      <Select<Outcome> allowClear value={outcome} onChange={setOutcome} placeholder={t('audit.outcome')} aria-label={t('audit.outcome')} style={{ width: 200 }} options={outcomes.map((o) => ({ value: o, label: t(`firing.${o}`) }))} />
      <Shown of={list} rows={4}>
        {({ pages }) => {
          const rows = pages.flatMap((p) => p.firings);
          if (rows.length === 0) return <Nothing text={t('rules.noFirings')} />;
          return (
            <Table size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
              { title: t('stock.when'), key: 'at', width: 120, render: (_, f) => <Ago at={f.at} /> },
              ...(rule ? [] : [{ title: t('told.rule'), key: 'rule', render: (_: unknown, f: (typeof rows)[number]) => (name(f.rule) ? <Link to={`/rules/${f.rule}`}>{name(f.rule)}</Link> : <Typography.Text type="secondary">{f.rule}</Typography.Text>) }]),
              { title: t('col.number'), key: 'number', width: 100, render: (_, f) => <Link className="num" to={`/orders/${f.number}`}>{f.number}</Link> },
              { title: t('audit.outcome'), key: 'outcome', width: 140, render: (_, f) => <Chip colour={colour[f.outcome] ?? 'grey'}>{word('firing', f.outcome)}</Chip> },
              { title: t('rules.did'), key: 'did', render: (_, f) => <div style={{ maxWidth: 520, whiteSpace: 'normal' }}>{f.actions?.length ? <Done actions={f.actions} /> : said(f.why)}</div> },
            ]} />
          );
        }}
      </Shown>
      <More of={list} />
    </Flex>
  );
}
