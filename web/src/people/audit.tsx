// Who did what.
import { Table } from 'antd';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Nothing, Shown } from '../shell/state';
import { Chip, Who } from '../shell/words';

type Entry = Schemas['AuditLogEntry'];

const outcomes: Record<string, 'green' | 'amber' | 'red'> = { done: 'green', denied: 'red', refused: 'amber', failed: 'red' };

export default function Audit() {
  const { t, word } = useText();
  const f = useFormat();
  const list = usePages(['audit-log'], (before: number | undefined, signal) => ask(hub.GET('/api/v1/audit-log', { params: { query: { before } }, signal })), (p) => p.before || undefined, 15);
  return (
    <div className="page">
      <Head title={t('nav.audit')} />
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.entries);
        return rows.length === 0 ? <Nothing text={t('audit.none')} /> : (
          <Table<Entry> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
            { title: t('stock.when'), key: 'at', width: 190, render: (_, e) => f.full(e.at) },
            { title: t('stock.who'), key: 'who', width: 160, render: (_, e) => <Who actor={e.actor} /> },
            { title: t('stock.kind'), dataIndex: 'operation', width: 220, render: (a: string) => <span className="mono">{a}</span> },
            { title: t('audit.subject'), dataIndex: 'target', render: (v: string) => <div style={{ maxWidth: 420, overflowWrap: 'anywhere', whiteSpace: 'normal' }}>{v}</div> },
            { title: t('audit.outcome'), key: 'outcome', width: 110, render: (_, e) => <Chip colour={outcomes[e.outcome] ?? 'grey'}>{word('outcome', e.outcome)}</Chip> },
            { title: t('audit.address'), dataIndex: 'address', width: 140 },
          ]} />
        );
      }}</Shown>
      <More of={list} />
    </div>
  );
}
