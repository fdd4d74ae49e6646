// Who did what.
import { Table } from 'antd';
import { raw } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { Nothing, Shown } from '../shell/state';

interface Entry {
  id: number;
  at: string;
  actor?: { kind: string; name?: string };
  user?: string;
  action: string;
  subject?: string;
  why?: string;
  address?: string;
}

interface Page {
  entries: Entry[];
  before?: number;
}

export default function Audit() {
  const { t } = useText();
  const f = useFormat();
  const list = usePages(['audit-log'], (before: number | undefined) => raw<Page>('GET', `/audit-log${before ? `?before=${before}` : ''}`), (p) => p.before || undefined, 15);
  return (
    <div className="page">
      <Head title={t('nav.audit')} />
      <Shown of={list}>{({ pages }) => {
        const rows = pages.flatMap((p) => p.entries);
        return rows.length === 0 ? <Nothing text={t('audit.none')} /> : (
          <Table<Entry> size="small" rowKey="id" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
            { title: t('stock.when'), key: 'at', width: 190, render: (_, e) => f.full(e.at) },
            { title: t('stock.who'), key: 'who', width: 160, render: (_, e) => e.actor?.name ?? e.user ?? e.actor?.kind },
            { title: t('stock.kind'), dataIndex: 'action', width: 220, render: (a: string) => <span className="mono">{a}</span> },
            { title: t('audit.subject'), key: 'subject', render: (_, e) => [e.subject, e.why].filter(Boolean).join(' · ') },
            { title: t('audit.address'), dataIndex: 'address', width: 140 },
          ]} />
        );
      }}</Shown>
      <More of={list} />
    </div>
  );
}
