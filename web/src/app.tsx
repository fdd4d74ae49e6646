import { Spin } from 'antd';
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { Orders } from './orders/orders';
import { Frame } from './shell/frame';
import { useCan, useSession, type Permission } from './shell/session';
import { NotFound } from './shell/notfound';

const Door = lazy(() => import('./shell/door'));
const Accounts = lazy(() => import('./accounts/accounts'));
const Products = lazy(() => import('./goods/products'));
const Listings = lazy(() => import('./goods/listings'));
const Stock = lazy(() => import('./goods/stock'));
const Returns = lazy(() => import('./returns/returns'));
const Troubles = lazy(() => import('./quarantine/troubles'));
const Today = lazy(() => import('./today/today'));
const Notify = lazy(() => import('./notify/notify'));
const Users = lazy(() => import('./people/users'));
const Tokens = lazy(() => import('./people/tokens'));
const Me = lazy(() => import('./people/me'));
const Settings = lazy(() => import('./settings/settings'));
const Audit = lazy(() => import('./people/audit'));

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
          {['setup', 'login'].map((p) => <Route key={p} path={p} element={<Navigate to="/orders" replace />} />)}
          {page('orders/:number?', 'orders.read', <Orders />)}
          {page('today', 'orders.read', <Today />)}
          {page('returns/:id?', 'returns.read', <Returns />)}
          {page('stock/:sku?', 'stock.read', <Stock />)}
          {page('products', 'stock.read', <Products />)}
          {page('listings', 'stock.read', <Listings />)}
          {page('accounts/:id?', 'accounts.read', <Accounts />)}
          {page('troubles', 'orders.read', <Troubles />)}
          {page('notify', 'rules.manage', <Notify />)}
          {page('users', 'users.manage', <Users />)}
          {page('tokens', 'tokens.manage', <Tokens />)}
          {page('audit-log', 'audit.read', <Audit />)}
          {page('settings', 'settings.manage', <Settings />)}
          <Route path="me" element={<Me />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </Suspense>
    </Frame>
  );
}
