// Photos that the hub keeps: small ones in a row, a big one to look at.
import { DeleteOutlined, LeftOutlined, RightOutlined } from '@ant-design/icons';
import { Button, Flex, Modal, Popconfirm, Typography } from 'antd';
import { useState, type ReactNode } from 'react';
import { useText } from './i18n';

/** at is where a photo lies. */
function at(id: number, small = false) {
  return `/api/v1/photos/${id}${small ? '?size=small' : ''}`;
}

interface Props {
  ids: number[];
  /** about is shown with a photo: who took it, and when. */
  about?: (id: number) => ReactNode;
  /** mark is put below each small photo. */
  mark?: (id: number, n: number) => ReactNode;
  /** drop deletes a photo; undefined = this one stays. */
  drop?: (id: number) => (() => void) | undefined;
}

/** Photos shows photos in a row; each opens. */
export function Photos({ ids, about, mark, drop }: Props) {
  const { t } = useText();
  const [open, setOpen] = useState<number>();
  const n = open === undefined ? -1 : ids.indexOf(open);
  return (
    <>
      <ul className="photos" aria-label={t('photos.list')}>
        {ids.map((id, i) => (
          <li key={id}>
            <Small id={id} n={i + 1} onOpen={() => setOpen(id)} />
            {mark?.(id, i + 1)}
          </li>
        ))}
      </ul>
      {open !== undefined && n >= 0 && (
        <Big id={open} n={n + 1} of={ids.length} about={about?.(open)} onClose={() => setOpen(undefined)} onStep={(by) => setOpen(ids[(n + by + ids.length) % ids.length])}
          drop={drop?.(open)} />
      )}
    </>
  );
}

// Small says so where the picture is not there any more.
function Small({ id, n, onOpen }: { id: number; n: number; onOpen: () => void }) {
  const { t } = useText();
  const [gone, setGone] = useState(false);
  if (gone) return <span className="photo gone"><Typography.Text type="secondary">{t('photos.gone')}</Typography.Text></span>;
  return (
    <button type="button" className="photo" onClick={onOpen}>
      <img src={at(id, true)} alt={t('photos.one', { n })} loading="lazy" onError={() => setGone(true)} />
    </button>
  );
}

interface BigProps {
  id: number;
  n: number;
  of: number;
  about?: ReactNode;
  onClose: () => void;
  onStep: (by: number) => void;
  drop?: () => void;
}

function Big({ id, n, of, about, onClose, onStep, drop }: BigProps) {
  const { t } = useText();
  return (
    <Modal open title={t('photos.big', { n, of })} onCancel={onClose} footer={null} width="min(1100px, 100vw)" style={{ top: 12 }} styles={{ body: { padding: 0 } }}>
      <div className="photo-big"><img key={id} src={at(id)} alt={t('photos.one', { n })} /></div>
      <Flex justify="space-between" align="center" gap={8} wrap style={{ marginTop: 8 }}>
        <Flex gap={8}>
          {of > 1 && <Button icon={<LeftOutlined />} onClick={() => onStep(-1)} aria-label={t('photos.before')} />}
          {of > 1 && <Button icon={<RightOutlined />} onClick={() => onStep(1)} aria-label={t('photos.next')} />}
        </Flex>
        {about && <Typography.Text type="secondary">{about}</Typography.Text>}
        {drop && (
          <Popconfirm title={t('photos.dropSure')} okText={t('photos.drop')} okButtonProps={{ danger: true }} onConfirm={() => { drop(); onClose(); }}>
            <Button danger icon={<DeleteOutlined />}>{t('photos.drop')}</Button>
          </Popconfirm>
        )}
      </Flex>
    </Modal>
  );
}
