import { Spin } from 'antd';
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { Orders } from './orders/orders';
import { Frame } from './shell/frame';
import { useCan, useSession, type Permission } from './shell/session';
import { NotFound } from './shell/notfound';

const Door = lazy(() => import('./shell/door'));
const Accounts = lazy(() => import('./accounts/accounts'));

const waiting = <div style={{ display: 'grid', placeItems: 'center', minHeight: '40vh' }}><Spin /></div>;

/** Panel: whoever is not signed in sees the door, everybody else the pages that
 * they may see. */
export function Panel() {
  const session = useSession();
  const can = useCan();
  if (session.kind !== 'in') return <Suspense fallback={waiting}><Door /></Suspense>;
  const page = (path: string, needs: Permission, element: React.ReactNode) => can(needs) && <Route path={path} element={element} />;
  return (
    <Frame>
      <Suspense fallback={waiting}>
        <Routes>
          <Route index element={<Navigate to="/orders" replace />} />
          {page('orders/:number?', 'orders.read', <Orders />)}
          {page('accounts/:id?', 'accounts.read', <Accounts />)}
          <Route path="*" element={<NotFound />} />
        </Routes>
      </Suspense>
    </Frame>
  );
}
