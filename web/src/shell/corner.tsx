// The upper right corner.
import { BulbOutlined, DisconnectOutlined, LogoutOutlined, TranslationOutlined, UserOutlined } from '@ant-design/icons';
import { onlineManager, useQueryClient } from '@tanstack/react-query';
import { Badge, Button, Dropdown, Tag, Tooltip } from 'antd';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { Problem } from './api';
import { setLanguage, useText, type Language } from './i18n';
import { useLink } from './live';
import { signOut, useSession } from './session';
import { setLook, useLook, type Look } from './theme';

// useReached tells whether the last question found the hub.
function useReached() {
  const client = useQueryClient();
  const [reached, setReached] = useState(onlineManager.isOnline());
  useEffect(() => client.getQueryCache().subscribe((event) => {
    if (event.type !== 'updated') return;
    if (event.action.type === 'success') setReached(true);
    const error = event.action.type === 'failed' || event.action.type === 'error' ? event.action.error : undefined;
    if (error instanceof Problem) setReached(!error.offline);
  }), [client]);
  return reached;
}

export function Connection() {
  const { t } = useText();
  const link = useLink();
  const reached = useReached();
  if (!reached || link === 'lost') {
    return <Tag color="red" icon={<DisconnectOutlined />} role="status" style={{ margin: 0 }}>{t('link.lost')}</Tag>;
  }
  return (
    <Tooltip title={link === 'stream' ? t('link.stream') : t('link.polling')}>
      <span role="status" aria-label={link === 'stream' ? t('link.stream') : t('link.polling')} style={{ paddingInline: 6 }}><Badge status="success" /></span>
    </Tooltip>
  );
}

const languages: Record<Language, string> = { ru: 'Русский', en: 'English' };

export function LanguageSwitch() {
  const { t, lang } = useText();
  return (
    <Dropdown trigger={['click']} menu={{
      selectedKeys: [lang], onClick: ({ key }) => void setLanguage(key as Language),
      items: (Object.keys(languages) as Language[]).map((l) => ({ key: l, label: <span lang={l}>{languages[l]}</span> })),
    }}>
      <Button type="text" icon={<TranslationOutlined />} aria-label={t('nav.language')}>{lang.toUpperCase()}</Button>
    </Dropdown>
  );
}

export function LookSwitch() {
  const { t } = useText();
  const look = useLook();
  return (
    <Dropdown trigger={['click']} menu={{
      selectedKeys: [look], onClick: ({ key }) => setLook(key as Look),
      items: (['light', 'dark', 'system'] as const).map((l) => ({ key: l, label: t(`look.${l}`) })),
    }}>
      <Button type="text" icon={<BulbOutlined />} aria-label={t('nav.look')} />
    </Dropdown>
  );
}

export function Person({ narrow }: { narrow: boolean }) {
  const { t, word } = useText();
  const session = useSession();
  if (session.kind !== 'in') return null;
  const name = session.user.name || session.user.login;
  return (
    <Dropdown trigger={['click']} menu={{
      items: [
        { key: 'who', disabled: true, label: `${name} · ${word('role', session.user.role)}` },
        { key: 'me', icon: <UserOutlined />, label: <Link to="/me">{t('nav.me')}</Link> },
        { key: 'out', icon: <LogoutOutlined />, label: t('door.signOut'), onClick: () => void signOut() },
      ],
    }}>
      <Button type="text" icon={<UserOutlined />} aria-label={t('nav.person')}>{narrow ? null : name}</Button>
    </Dropdown>
  );
}
