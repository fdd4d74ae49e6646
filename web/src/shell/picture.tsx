// The small picture of goods, which the hub has from a channel.
import { PictureOutlined } from '@ant-design/icons';
import { Popover } from 'antd';
import { useState } from 'react';
import { useText } from './i18n';

/** Picture keeps its place whether there is a picture or not, and shows it larger when
 * it is pressed. */
export function Picture({ path, name }: { path?: string; name: string }) {
  const { t } = useText();
  const [gone, setGone] = useState<string>();
  if (!path || gone === path) return <span className="goods-picture" aria-hidden><PictureOutlined /></span>;
  const label = t('picture.of', { name });
  return (
    <Popover trigger="click" placement="right" content={<img src={path} alt={label} style={{ display: 'block', maxWidth: 'min(320px, 70vw)' }} />}>
      <button type="button" className="goods-picture"><img src={path} alt={label} loading="lazy" width={40} height={40} onError={() => setGone(path)} /></button>
    </Popover>
  );
}
