// Goods that are here: all of them, or a part that somebody counted.
import { Alert, Button, Flex, Input, InputNumber, Modal, Radio, Typography } from 'antd';
import { useState } from 'react';
import { Choose } from '../goods/choose';
import { ask, hub, newKey, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useChange, type Return } from './card';
import { OwnPhotos, unused } from './photos';

/** Receive asks what came. A return whose order is not known is taken into the book
 * as the products that somebody recognises. */
export function Receive({ r }: { r: Return }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>{r.awaited ? t('returns.receiveMore', { count: r.awaited }) : t('returns.receive')}</Button>
      {open && <Ask r={r} onClose={() => setOpen(false)} />}
    </>
  );
}

function Ask({ r, onClose }: { r: Return; onClose: () => void }) {
  const { t } = useText();
  const f = useFormat();
  const left = r.lines.map((l, i) => l.quantity - (r.here[i] ?? 0));
  const [units, setUnits] = useState(left);
  const [skus, setSkus] = useState<Record<number, string>>({});
  const [rest, setRest] = useState<'expected' | 'missing'>('expected');
  const [note, setNote] = useState('');
  const [photos, setPhotos] = useState(() => unused(r));
  const [key] = useState(newKey);
  const loose = !r.number;
  const came = units.reduce((a, b) => a + b, 0);
  const short = left.reduce((a, b) => a + b, 0) - came;
  const body: Schemas['ReceiveWish'] = {
    lines: units.flatMap((n, line) => (n > 0 ? [{ line, units: n, sku: loose ? skus[line] : undefined }] : [])),
    rest: short > 0 ? rest : undefined, note: note.trim() || undefined, photos: photos.length > 0 ? photos : undefined,
  };
  const receive = useChange(r.id, () => ask(hub.POST('/api/v1/returns/{id}/receive', { params: { path: { id: r.id }, header: { 'Idempotency-Key': key } }, body })), t('returns.receivedDone'));
  const begun = r.units_here > 0;
  return (
    <Modal open title={t('returns.receiveTitle')} okText={t('returns.receiveOk')} confirmLoading={receive.isPending} okButtonProps={{ disabled: came === 0 && !(begun && rest === 'missing') }} onCancel={onClose} onOk={() => receive.mutate(undefined, { onSuccess: onClose })}>
      <Typography.Paragraph type="secondary">{t('returns.receiveHint')}</Typography.Paragraph>
      {loose && <Alert type="info" showIcon title={t('returns.loose')} description={t('returns.looseHint')} style={{ marginBottom: 12 }} />}
      <Flex vertical gap={10}>
        {r.lines.map((l, i) => (left[i] ?? 0) > 0 && (
          <Flex key={i} justify="space-between" align="center" gap={12} wrap>
            <span style={{ minWidth: 0, flex: '1 1 160px' }}>{l.name || l.sku || l.listing_key}<div><Typography.Text type="secondary" className="mono">{l.sku}</Typography.Text></div></span>
            {loose && <Choose value={skus[i]} onChoose={(sku) => setSkus({ ...skus, [i]: sku })} />}
            <Flex gap={6} align="center">
              <InputNumber min={0} max={left[i]} precision={0} value={units[i]} style={{ width: 76 }} aria-label={t('returns.unitsOf', { name: l.name || l.sku || String(i + 1) })} onChange={(n) => setUnits(units.map((u, k) => (k === i ? n ?? 0 : u)))} />
              <Typography.Text type="secondary" className="nowrap">{t('returns.of', { count: f.number(left[i] ?? 0) })}</Typography.Text>
            </Flex>
          </Flex>
        ))}
        {short > 0 && <Radio.Group value={rest} onChange={(e) => setRest(e.target.value as 'expected' | 'missing')} style={{ display: 'grid', gap: 6 }} options={[{ value: 'expected', label: t('returns.restExpected', { count: short }) }, { value: 'missing', label: t('returns.restMissing', { count: short }) }]} />}
        <Input value={note} onChange={(e) => setNote(e.target.value)} maxLength={1000} placeholder={t('returns.note')} aria-label={t('returns.note')} />
        <OwnPhotos r={r} pick={{ picked: photos, onPick: setPhotos }} />
      </Flex>
    </Modal>
  );
}
