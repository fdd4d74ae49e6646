// To which order a return belongs, where the channel does not say.
import { useQuery } from '@tanstack/react-query';
import { Button, Flex, Input, Modal, Radio, Typography } from 'antd';
import { useEffect, useState } from 'react';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { Nothing } from '../shell/state';
import { ChannelBadge, StatusTag } from '../shell/words';
import { useChange, type Return } from './card';

export function LinkOrder({ r }: { r: Return }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t('returns.link')}</Button>
      {open && <Ask r={r} onClose={() => setOpen(false)} />}
    </>
  );
}

function Ask({ r, onClose }: { r: Return; onClose: () => void }) {
  const { t } = useText();
  const f = useFormat();
  const [text, setText] = useState(r.order_id ?? r.lines[0]?.sku ?? '');
  const [asked, setAsked] = useState(text);
  const [chosen, setChosen] = useState<number>();
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery({
    queryKey: ['orders', 'link', r.account, asked], enabled: asked !== '',
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/orders', { params: { query: { q: asked, account: [r.account], limit: 10 } }, signal })),
  });
  const link = useChange(r.id, (number: number) => ask(hub.POST('/api/v1/returns/{id}/link', { params: { path: { id: r.id } }, body: { number } })), t('returns.linked'));
  const rows = found.data?.orders ?? [];
  return (
    <Modal open title={t('returns.linkTitle')} okText={t('returns.linkOk')} okButtonProps={{ disabled: chosen === undefined }} confirmLoading={link.isPending} onCancel={onClose} onOk={() => chosen !== undefined && link.mutate(chosen, { onSuccess: onClose })}>
      <Typography.Paragraph type="secondary">{t('returns.linkHint', { account: r.account })}</Typography.Paragraph>
      <Input value={text} onChange={(e) => { setText(e.target.value); setChosen(undefined); }} maxLength={200} allowClear autoFocus placeholder={t('orders.search')} aria-label={t('orders.search')} />
      {found.data && rows.length === 0 && <Nothing text={t('returns.linkNone')} />}
      <Radio.Group value={chosen} onChange={(e) => setChosen(e.target.value as number)} style={{ display: 'grid', gap: 8, marginTop: 12 }}
        options={rows.map((o) => ({
          value: o.number,
          label: <Flex gap={8} wrap align="center"><span className="num" style={{ fontWeight: 600 }}>{o.number}</span><ChannelBadge channel={o.channel} account={o.external_number || o.external_id} /><StatusTag status={o.status} /><span>{o.first_line}{o.line_count > 1 && ` +${o.line_count - 1}`}</span><span className="num">{f.money(o.total)}</span><Typography.Text type="secondary">{f.day(o.placed_at)}</Typography.Text></Flex>,
        }))} />
    </Modal>
  );
}
