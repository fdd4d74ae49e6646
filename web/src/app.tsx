import { Spin } from 'antd';
import { Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { Orders } from './orders/orders';
import { Frame } from './shell/frame';
import { lazyPage } from './shell/i18n';
import { useCan, useSession, type Permission } from './shell/session';
import { NotFound } from './shell/notfound';

const Door = lazyPage('shell/door', () => import('./shell/door'));
const Accounts = lazyPage('accounts/accounts', () => import('./accounts/accounts'));
const Audits = lazyPage('audits/audits', () => import('./audits/audits'));
const Customers = lazyPage('customers/customers', () => import('./customers/customers'));
const Products = lazyPage('goods/products', () => import('./goods/products'));
const Listings = lazyPage('goods/listings', () => import('./goods/listings'));
const Stock = lazyPage('goods/stock', () => import('./goods/stock'));
const Returns = lazyPage('returns/returns', () => import('./returns/returns'));
const Troubles = lazyPage('quarantine/troubles', () => import('./quarantine/troubles'));
const Today = lazyPage('today/today', () => import('./today/today'));
const Rules = lazyPage('rules/rules', () => import('./rules/rules'));
const Onec = lazyPage('onec/onec', () => import('./onec/onec'));
const Integrations = lazyPage('integrations/integrations', () => import('./integrations/integrations'));
const Notify = lazyPage('notify/notify', () => import('./notify/notify'));
const Users = lazyPage('people/users', () => import('./people/users'));
const Tokens = lazyPage('people/tokens', () => import('./people/tokens'));
const Me = lazyPage('people/me', () => import('./people/me'));
const Settings = lazyPage('settings/settings', () => import('./settings/settings'));
const Audit = lazyPage('people/audit', () => import('./people/audit'));

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
          {page('customers/:id?', 'customers.read', <Customers />)}
          {page('stock/:sku?', 'stock.read', <Stock />)}
          {page('products', 'stock.read', <Products />)}
          {page('listings', 'stock.read', <Listings />)}
          {page('accounts/:id?', 'accounts.read', <Accounts />)}
          {page('audits', 'accounts.read', <Audits />)}
          {page('onec', 'accounts.read', <Onec />)}
          {page('integrations', 'accounts.read', <Integrations />)}
          {page('troubles', 'orders.read', <Troubles />)}
          {page('rules/:id?', 'rules.read', <Rules />)}
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
