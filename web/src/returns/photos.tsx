// The shop's own photos of what came back: taken with the phone or chosen, sent at
// once, picked for a receipt or a decision.
import { CameraOutlined, PictureOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Checkbox, Flex, Progress, Typography } from 'antd';
import { useRef, useState, type ChangeEvent, type Dispatch, type SetStateAction } from 'react';
import { ask, hub, Problem, upload, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { Photos } from '../shell/photo';
import { useCan } from '../shell/session';
import { sentence } from '../shell/state';
import { Who } from '../shell/words';
import { useChange, type Return } from './card';

type Photo = Schemas['Photo'];

const most = 10 << 20; // as the hub caps it: a refusal that comes late looks like a lost connection
// An iPhone gives JPEG to who does not ask for its own kind.
const kinds = 'image/jpeg,image/png,image/webp';

/** unused are the photos that nobody has received or decided with yet. */
export function unused(r: Return): number[] {
  return r.pictures.filter((p) => !p.used_at && !p.erased_at).map((p) => p.id);
}

interface Sending {
  key: number;
  name: string;
  percent: number;
  failed?: string;
}

interface Pick {
  picked: number[];
  onPick: Dispatch<SetStateAction<number[]>>;
}

/** OwnPhotos shows the photos of a return and takes more. With pick, those are chosen
 * that a receipt or a decision names; a new one is chosen at once. */
export function OwnPhotos({ r, pick }: { r: Return; pick?: Pick }) {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  const { sending, send, forget } = useSend(r.id, (p) => pick?.onPick((now) => (now.includes(p.id) ? now : [...now, p.id])));
  const drop = useChange(r.id, async (id: number) => {
    await ask(hub.DELETE('/api/v1/photos/{id}', { params: { path: { id } } }));
    pick?.onPick((now) => now.filter((x) => x !== id));
  }, t('photos.dropped'));
  const of = new Map(r.pictures.map((p) => [p.id, p]));
  const ids = r.pictures.filter((p) => !pick || !p.erased_at).map((p) => p.id);
  return (
    <Flex vertical gap={8}>
      {ids.length > 0 && (
        <Photos ids={ids} about={(id) => { const p = of.get(id); return p && <>{f.at(p.at)} · <Who actor={p.actor} /></>; }}
          drop={(id) => (can('returns.receive') && !of.get(id)?.used_at && !of.get(id)?.erased_at ? () => drop.mutate(id) : undefined)}
          mark={pick && ((id, n) => <Checkbox checked={pick.picked.includes(id)} aria-label={t('photos.use', { n })} onChange={(e) => pick.onPick((now) => (e.target.checked ? [...now, id] : now.filter((x) => x !== id)))} />)} />
      )}
      {sending.map((s) => (s.failed ? <Alert key={s.key} type="error" showIcon closable={{ onClose: () => forget(s.key) }} title={`${s.name}: ${s.failed}`} />
        : <div key={s.key} role="status"><Typography.Text ellipsis>{s.name}</Typography.Text><Progress percent={s.percent} size="small" status="active" aria-label={t('photos.sending', { name: s.name })} /></div>))}
      {can('returns.receive') && <Take onFiles={send} />}
    </Flex>
  );
}

// Take opens the camera of a phone, or what is there already.
function Take({ onFiles }: { onFiles: (files: File[]) => void }) {
  const { t } = useText();
  const camera = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const phone = matchMedia('(pointer: coarse)').matches;
  const took = (e: ChangeEvent<HTMLInputElement>) => {
    onFiles(Array.from(e.target.files ?? []));
    e.target.value = ''; // the same file may be chosen again
  };
  return (
    <>
      <Flex gap={8} wrap>
        {phone && <Button icon={<CameraOutlined />} onClick={() => camera.current?.click()}>{t('photos.take')}</Button>}
        <Button icon={<PictureOutlined />} onClick={() => files.current?.click()}>{t('photos.choose')}</Button>
      </Flex>
      <Typography.Text type="secondary" style={{ fontSize: 12 }}>{t('photos.hint')}</Typography.Text>
      <input ref={camera} type="file" hidden accept="image/*" capture="environment" onChange={took} aria-label={t('photos.take')} />
      <input ref={files} type="file" hidden multiple accept={kinds} onChange={took} aria-label={t('photos.choose')} />
    </>
  );
}

// useSend sends photos one after the other: a phone has one narrow line.
function useSend(id: number, done: (p: Photo) => void) {
  const { t } = useText();
  const client = useQueryClient();
  const [sending, setSending] = useState<Sending[]>([]);
  const next = useRef(0);
  const change = (key: number, to: Partial<Sending>) => setSending((list) => list.map((s) => (s.key === key ? { ...s, ...to } : s)));
  const forget = (key: number) => setSending((list) => list.filter((s) => s.key !== key));
  const send = async (files: File[]) => {
    const fresh = files.map((file) => ({ file, key: next.current++ }));
    setSending((list) => [...list, ...fresh.map(({ file, key }) => ({ key, name: file.name, percent: 0 }))]);
    for (const { file, key } of fresh) {
      try {
        if (file.size > most) throw new Error(t('photos.tooLarge', { mb: most >> 20 }));
        done(await upload<Photo>(`/returns/${id}/photos`, file, (percent) => change(key, { percent })));
        await client.invalidateQueries({ queryKey: ['return', id] });
        forget(key);
      } catch (e) {
        change(key, { failed: e instanceof Problem && e.fields.file ? t('photos.bad') : sentence(e, t('state.offline')) });
      }
    }
  };
  return { sending, send: (files: File[]) => void send(files), forget };
}
