// The frame around every page: where one can go, search, connection, language,
// look, and who is here.
import {
  AlertOutlined, ApiOutlined, AppstoreOutlined, AuditOutlined, BellOutlined, DashboardOutlined, FileSearchOutlined, IdcardOutlined, InboxOutlined, KeyOutlined, LinkOutlined, MenuOutlined,
  RollbackOutlined, SearchOutlined, SettingOutlined, ShopOutlined, ShoppingOutlined, SwapOutlined, TeamOutlined, ThunderboltOutlined,
} from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Flex, Input, Layout, Menu, Typography } from 'antd';
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { ask, hub } from './api';
import icon from './icon.svg';
import { Connection, LanguageSwitch, LookSwitch, Person } from './corner';
import { useText } from './i18n';
import { useStream } from './live';
import { usePref } from './prefs';
import { useCan, type Permission } from './session';
import { useWide } from './wide';

const Sheet = lazy(() => import('./sheet'));

interface Place {
  path: string;
  needs: Permission;
  icon: ReactNode;
}

const places = {
  today: { path: '/today', needs: 'orders.read', icon: <DashboardOutlined /> },
  orders: { path: '/orders', needs: 'orders.read', icon: <ShoppingOutlined /> },
  returns: { path: '/returns', needs: 'returns.read', icon: <RollbackOutlined /> },
  customers: { path: '/customers', needs: 'customers.read', icon: <IdcardOutlined /> },
  stock: { path: '/stock', needs: 'stock.read', icon: <InboxOutlined /> },
  products: { path: '/products', needs: 'stock.read', icon: <AppstoreOutlined /> },
  listings: { path: '/listings', needs: 'stock.read', icon: <LinkOutlined /> },
  accounts: { path: '/accounts', needs: 'accounts.read', icon: <ShopOutlined /> },
  audits: { path: '/audits', needs: 'accounts.read', icon: <FileSearchOutlined /> },
  onec: { path: '/onec', needs: 'accounts.read', icon: <SwapOutlined /> },
  integrations: { path: '/integrations', needs: 'accounts.manage', icon: <ApiOutlined /> }, // who may only see comes by its address
  troubles: { path: '/troubles', needs: 'orders.read', icon: <AlertOutlined /> },
  rules: { path: '/rules', needs: 'rules.read', icon: <ThunderboltOutlined /> },
  notify: { path: '/notify', needs: 'rules.manage', icon: <BellOutlined /> },
  users: { path: '/users', needs: 'users.manage', icon: <TeamOutlined /> },
  tokens: { path: '/tokens', needs: 'tokens.manage', icon: <KeyOutlined /> },
  audit: { path: '/audit-log', needs: 'audit.read', icon: <AuditOutlined /> },
  settings: { path: '/settings', needs: 'settings.manage', icon: <SettingOutlined /> },
} satisfies Record<string, Place>;

type Name = keyof typeof places;

// useOnec: the exchanges with 1C are a place where there are some, or for those who
// may add one.
function useOnec() {
  const can = useCan();
  const may = can('accounts.manage');
  const nodes = useQuery({ queryKey: ['onec'], enabled: !may && can('accounts.read'), staleTime: Infinity, queryFn: ({ signal }) => ask(hub.GET('/api/v1/onec/nodes', { signal })) });
  return may || (nodes.data?.nodes.length ?? 0) > 0;
}

function Places({ collapsed, onGo }: { collapsed?: boolean; onGo?: () => void }) {
  const { t } = useText();
  const can = useCan();
  const at = useLocation().pathname.split('/')[1];
  const onec = useOnec();
  const names = (Object.keys(places) as Name[]).filter((n) => can(places[n].needs) && (n !== 'onec' || onec));
  return (
    <Menu
      mode="inline" inlineCollapsed={collapsed} style={{ border: 'none' }} onClick={onGo}
      selectedKeys={names.filter((n) => places[n].path === `/${at}`)}
      items={names.map((n) => ({ key: n, icon: places[n].icon, label: <Link to={places[n].path}>{t(`nav.${n}`)}</Link> }))}
    />
  );
}

function Search() {
  const { t } = useText();
  const go = useNavigate();
  const [text, setText] = useState('');
  return (
    <Input
      className="global-search" value={text} allowClear onChange={(e) => setText(e.target.value)} prefix={<SearchOutlined />} aria-label={t('nav.search')}
      placeholder={t('nav.search')} style={{ maxWidth: 420 }} maxLength={200}
      onPressEnter={() => {
        if (!text.trim()) return;
        void go(`/orders?q=${encodeURIComponent(text.trim())}`);
        setText('');
      }}
    />
  );
}

/** useTitle names the browser's tab after the page. */
function useTitle() {
  const { t, lang } = useText();
  const at = useLocation().pathname.split('/')[1];
  useEffect(() => {
    const name = (Object.keys(places) as Name[]).find((n) => places[n].path === `/${at}`);
    document.title = name ? `${t(`nav.${name}`)} · orderhub` : at === 'me' ? `${t('nav.me')} · orderhub` : 'orderhub';
  }, [at, t, lang]);
}

export function Frame({ children }: { children: ReactNode }) {
  const { t } = useText();
  const wide = useWide();
  const [collapsed, setCollapsed] = usePref('nav.collapsed', false);
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  useStream();
  useTitle();
  const brand = (
    <Link to="/orders" aria-label="orderhub" style={{ display: 'flex', gap: 8, alignItems: 'center', color: 'inherit' }}>
      <img src={icon} alt="" width={24} height={24} /><Typography.Text strong style={{ fontSize: 16 }}>orderhub</Typography.Text>
    </Link>
  );
  return (
    <Layout style={{ minHeight: '100vh' }}>
      <a className="skip" href="#main" onClick={() => main.current?.focus()}>{t('nav.skip')}</a>
      <Layout.Header style={{ display: 'flex', alignItems: 'center', gap: 12, position: 'sticky', top: 0, zIndex: 50, borderBottom: '1px solid rgba(128,128,128,0.18)', paddingInline: wide ? 16 : 8 }}>
        <Button type="text" icon={<MenuOutlined />} aria-label={t('nav.menu')} aria-expanded={wide ? !collapsed : open} onClick={() => (wide ? setCollapsed(!collapsed) : setOpen(true))} />
        {wide && brand}
        <Flex flex={1} justify={wide ? 'center' : 'stretch'}><Search /></Flex>
        <Flex gap={4} align="center"><Connection />{wide && <LanguageSwitch />}{wide && <LookSwitch />}<Person narrow={!wide} /></Flex>
      </Layout.Header>
      <Layout>
        {wide && (
          <Layout.Sider width={204} collapsedWidth={48} collapsed={collapsed} trigger={null} style={{ position: 'sticky', top: 48, height: 'calc(100vh - 48px)', overflow: 'auto', borderInlineEnd: '1px solid rgba(128,128,128,0.14)' }}>
            <nav aria-label={t('nav.menu')} style={{ paddingTop: 6 }}><Places collapsed={collapsed} /></nav>
          </Layout.Sider>
        )}
        <Layout.Content id="main" ref={main} tabIndex={-1} style={{ outline: 'none', minWidth: 0 }}>{children}</Layout.Content>
      </Layout>
      {!wide && open && (
        <Suspense>
          <Sheet onClose={() => setOpen(false)} title={brand}>
            <nav aria-label={t('nav.menu')}><Places onGo={() => setOpen(false)} /></nav>
            <Flex gap={8} style={{ padding: 12 }}><LanguageSwitch /><LookSwitch /></Flex>
          </Sheet>
        </Suspense>
      )}
    </Layout>
  );
}

/** Head is the top of a page: its name and what can be done there. */
export function Head({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Flex justify="space-between" align="center" wrap gap={8} style={{ marginBottom: 10 }}>
      <Typography.Title level={1} style={{ margin: 0, fontSize: 20 }}>{title}</Typography.Title>
      <Flex gap={8} wrap align="center">{children}</Flex>
    </Flex>
  );
}
