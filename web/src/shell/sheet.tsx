// The menu of a narrow screen; by itself, because wide screens never need it.
import { Drawer } from 'antd';
import type { ReactNode } from 'react';

export default function Sheet({ title, onClose, children }: { title: ReactNode; onClose: () => void; children: ReactNode }) {
  return <Drawer open onClose={onClose} placement="left" size={260} title={title} styles={{ body: { padding: 4 } }}>{children}</Drawer>;
}
