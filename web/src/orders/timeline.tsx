// What happened to the order, who did it and why, and what the channel said.
import { useQuery } from '@tanstack/react-query';
import { Button, Timeline as KitTimeline, Typography } from 'antd';
import { useState } from 'react';
import { ask, hub, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Shown } from '../shell/state';
import { StatusTag, Who } from '../shell/words';
import { masked } from './mask';
import { Told } from './told';

const colour: Record<string, string> = { received: 'blue', status: 'green', requested: 'blue', effect: 'gray', hold: 'orange', drift: 'orange', news_refused: 'gray', changed: 'gray', return: 'purple', rule: 'cyan', erased: 'red' };
const first = 12;

export function Timeline({ events }: { events: Schemas['Event'][] }) {
  const { t, word } = useText();
  const f = useFormat();
  const can = useCan();
  const [all, setAll] = useState(false);
  const newest = [...events].reverse();
  const shown = all ? newest : newest.slice(0, first);
  return (
    <>
      <KitTimeline style={{ marginTop: 8 }} items={shown.map((e) => ({
        key: e.id, color: colour[e.kind] ?? 'gray',
        content: (
          <div>
            <div style={{ display: 'flex', gap: 8, flexWrap: 'wrap', alignItems: 'center' }}>
              <Typography.Text strong>{word('event', e.kind)}</Typography.Text>
              {e.to && <StatusTag status={e.to} />}
              <Typography.Text type="secondary" style={{ fontSize: 12 }}><time dateTime={e.at} title={f.full(e.at)}>{f.at(e.at)}</time> · <Who actor={e.actor} /></Typography.Text>
            </div>
            <div><Told e={e} /></div>
            {e.inbox_id && can('inbox.read') && can('personal_data') && <Raw id={e.inbox_id} />}
          </div>
        ),
      }))} />
      {newest.length > shown.length && <Button size="small" onClick={() => setAll(true)}>{t('order.allEvents', { count: newest.length - shown.length })}</Button>}
    </>
  );
}

function Raw({ id }: { id: number }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button type="link" size="small" style={{ padding: 0, height: 'auto' }} aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t('order.rawHide') : t('order.raw')}</Button>
      {open && <Payload id={id} />}
    </>
  );
}

/** Payload shows a raw answer with personal data masked. */
export function Payload({ id }: { id: number }) {
  const { t } = useText();
  const raw = useQuery({ queryKey: ['raw', id], queryFn: ({ signal }) => ask(hub.GET('/api/v1/inbox/{id}', { params: { path: { id } }, signal })), staleTime: 60_000 });
  return (
    <Shown of={raw} rows={3}>
      {(r) => <pre className="mono pre" tabIndex={0} aria-label={t('order.raw')} style={{ padding: 8, border: '1px solid rgba(128,128,128,.25)', borderRadius: 6 }}>{JSON.stringify(masked(r.payload), null, 1)}</pre>}
    </Shown>
  );
}
