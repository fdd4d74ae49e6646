// Asks which days to compare, or what to read again; by itself, because a calendar
// is large.
import { useQueryClient } from '@tanstack/react-query';
import { Alert, DatePicker, Flex, Form, Input, Modal, Segmented, Select, Typography } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import type { Account } from '../accounts/accounts';
import { useText } from '../shell/i18n';
import { ChannelBadge } from '../shell/words';
import { comparing, daysAgo, reading, readingIDs, span, start, today } from './run';

// most is how many days one asks for at once, maxIDs how many orders.
const most = 31;
const maxIDs = 1000;

interface Props {
  what: 'compare' | 'read';
  accounts: Account[];
  chosen?: string;
  onClose: () => void;
}

export default function Asking({ what, accounts, chosen, onClose }: Props) {
  const { t } = useText();
  const client = useQueryClient();
  const listing = accounts.filter((a) => a.lists_days);
  const first = accounts.find((a) => a.id === chosen) ?? accounts[0];
  const [many, setMany] = useState(first && chosen && first.lists_days ? [first.id] : listing.map((a) => a.id));
  const [one, setOne] = useState(first?.id ?? '');
  const [by, setBy] = useState<'days' | 'ids'>(first?.lists_days ? 'days' : 'ids');
  const [days, setDays] = useState<[string, string]>([daysAgo(1), today()]);
  const [text, setText] = useState('');
  const account = accounts.find((a) => a.id === one);
  const ids = [...new Set(text.split(/[\s,;]+/).filter(Boolean))];
  const wide = span(...days).length > most;
  const ready = what === 'compare' ? many.length > 0 && !wide : by === 'days' ? !!account && !wide : !!account && ids.length > 0 && ids.length <= maxIDs;
  const go = () => {
    void start(client, what === 'compare' ? comparing(many, span(...days)) : by === 'days' ? reading(one, span(...days)) : readingIDs(one, ids));
    onClose();
  };
  const choose = (id: string) => {
    setOne(id);
    const a = accounts.find((x) => x.id === id);
    if (a && !(by === 'days' ? a.lists_days : a.reads_orders)) setBy(a.lists_days ? 'days' : 'ids');
  };
  const options = (list: Account[]) => list.map((a) => ({ value: a.id, label: <ChannelBadge channel={a.channel} account={a.name || a.id} /> }));
  return (
    <Modal open title={t(`proof.${what}`)} okText={t(what === 'compare' ? 'proof.doCompare' : 'proof.doRead')} okButtonProps={{ disabled: !ready }} onOk={go} onCancel={onClose} width={480}>
      <Typography.Paragraph type="secondary">{t(`proof.${what}Hint`)}</Typography.Paragraph>
      <Form layout="vertical">
        <Form.Item label={t('col.account')}>
          {what === 'compare'
            ? <Select mode="multiple" aria-label={t('col.account')} value={many} onChange={setMany} options={options(listing)} />
            : <Select aria-label={t('col.account')} value={one} onChange={choose} options={options(accounts)} />}
        </Form.Item>
        {what === 'read' && account && (
          <Form.Item label={t('proof.by')}>
            <Segmented aria-label={t('proof.by')} value={by} onChange={setBy} options={[
              { value: 'days', label: t('proof.byDays'), disabled: !account.lists_days }, { value: 'ids', label: t('proof.byIDs'), disabled: !account.reads_orders },
            ]} />
          </Form.Item>
        )}
        {(what === 'compare' || by === 'days') && (
          <Form.Item label={t('proof.daysAsk')} validateStatus={wide ? 'error' : undefined} help={wide ? t('proof.tooLong', { count: most }) : undefined}>
            <Range days={days} onChange={setDays} />
          </Form.Item>
        )}
        {what === 'read' && by === 'ids' && (
          <Form.Item label={t('proof.ids')} extra={t('proof.idsHint')} validateStatus={ids.length > maxIDs ? 'error' : undefined} help={ids.length > maxIDs ? t('proof.tooMany', { count: maxIDs }) : undefined}>
            <Input.TextArea aria-label={t('proof.ids')} value={text} onChange={(e) => setText(e.target.value)} rows={4} maxLength={100_000} />
          </Form.Item>
        )}
        {account?.state === 'paused' && what === 'read' && <Alert type="info" showIcon title={t('proof.pausedRead')} />}
      </Form>
    </Modal>
  );
}

function Range({ days, onChange }: { days: [string, string]; onChange: (days: [string, string]) => void }) {
  const { t } = useText();
  const last = dayjs(today());
  const back = (n: number): [Dayjs, Dayjs] => [last.subtract(n, 'day'), last];
  return (
    <Flex>
      <DatePicker.RangePicker style={{ width: '100%' }} allowClear={false} aria-label={t('proof.daysAsk')} disabledDate={(d) => d.isAfter(last, 'day')} value={[dayjs(days[0]), dayjs(days[1])]}
        presets={[{ label: t('days.today'), value: back(0) }, { label: t('proof.twoDays'), value: back(1) }, { label: t('days.week'), value: back(6) }, { label: t('days.month'), value: back(29) }]}
        onChange={(v) => v?.[0] && v[1] && onChange([v[0].format('YYYY-MM-DD'), v[1].format('YYYY-MM-DD')])} />
    </Flex>
  );
}
