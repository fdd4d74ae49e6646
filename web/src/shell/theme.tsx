// How the panel looks: Ant Design with less air and calm colours, light or dark.
import { App, ConfigProvider, theme as kit, type MappingAlgorithm, type ThemeConfig } from 'antd';
import { startTransition, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import type { Locale } from 'antd/es/locale';
import { useText } from './i18n';

export type Look = 'light' | 'dark' | 'system';
const key = 'orderhub.look';
const listeners = new Set<() => void>();

export function look(): Look {
  const saved = localStorage.getItem(key);
  return saved === 'light' || saved === 'dark' ? saved : 'system';
}

export function setLook(l: Look) {
  localStorage.setItem(key, l);
  for (const f of listeners) f();
}

const system = matchMedia('(prefers-color-scheme: dark)');

function subscribe(l: () => void) {
  listeners.add(l);
  system.addEventListener('change', l);
  return () => {
    listeners.delete(l);
    system.removeEventListener('change', l);
  };
}

export function useLook(): Look {
  return useSyncExternalStore(subscribe, look);
}

export function useDark(): boolean {
  return useSyncExternalStore(subscribe, () => look() === 'dark' || (look() === 'system' && system.matches));
}

// dense is the kit's compact look with a size of letters that is still read easily.
const dense: MappingAlgorithm = (seed, map) => {
  const letters = Object.entries(kit.defaultAlgorithm({ ...seed, fontSize: 13 })).filter(([k]) => /^(font|lineHeight)/.test(k));
  return { ...kit.compactAlgorithm(seed, map), ...Object.fromEntries(letters) };
};

function config(dark: boolean): ThemeConfig {
  return {
    algorithm: dark ? [kit.darkAlgorithm, dense] : [kit.defaultAlgorithm, dense],
    token: {
      colorPrimary: dark ? '#3d6fd6' : '#2456c7',
      colorLink: dark ? '#7fa8ff' : '#1f4fbf',
      colorBgLayout: dark ? '#0f1114' : '#f4f5f7',
      colorBgContainer: dark ? '#181b20' : '#ffffff',
      colorBgElevated: dark ? '#20242a' : '#ffffff',
      // AA on the surfaces above
      colorTextSecondary: dark ? 'rgba(255,255,255,0.72)' : 'rgba(0,0,0,0.68)',
      colorTextTertiary: dark ? 'rgba(255,255,255,0.62)' : 'rgba(0,0,0,0.60)',
      colorTextDescription: dark ? 'rgba(255,255,255,0.68)' : 'rgba(0,0,0,0.62)',
      colorTextPlaceholder: dark ? 'rgba(255,255,255,0.58)' : 'rgba(0,0,0,0.57)',
      colorTextQuaternary: dark ? 'rgba(255,255,255,0.58)' : 'rgba(0,0,0,0.57)',
      borderRadius: 6,
      fontSizeSM: 12,
      colorError: dark ? '#ff7a75' : '#c8242b',
      colorWarning: dark ? '#e0a83a' : '#a36200',
      fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
      motionDurationMid: '0.12s',
      motionDurationSlow: '0.18s',
      wireframe: false,
    },
    components: {
      Layout: { headerHeight: 48, headerPadding: '0 16px', headerBg: dark ? '#181b20' : '#ffffff', siderBg: dark ? '#14171b' : '#ffffff' },
      Menu: { itemHeight: 34, itemBg: 'transparent', activeBarBorderWidth: 0, itemSelectedColor: dark ? '#c5d8ff' : '#1a449f', itemSelectedBg: dark ? '#22304d' : '#e9f0ff' },
      Table: { headerBg: dark ? '#1d2127' : '#f8f9fb', cellPaddingBlockSM: 5, cellPaddingInlineSM: 8, headerSplitColor: 'transparent' },
    },
  };
}

/** lend gives the nonce to styles that the kit makes in places where it forgets to
 * (it measures scroll bars with one). */
export function lend(nonce: string) {
  const create = document.createElement.bind(document);
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const made = create(name, options);
    if (name === 'style') made.nonce = nonce;
    return made;
  }) as typeof document.createElement;
}

/** Looks wraps the app; nonce lets the kit's styles past the policy of the page. */
export function Looks({ nonce, children }: { nonce: string; children: ReactNode }) {
  const dark = useDark();
  const { lang } = useText();
  const [locale, setLocale] = useState<Locale>();
  useEffect(() => {
    const kept = lang === 'ru'
      ? Promise.all([import('antd/es/locale/ru_RU'), import('dayjs/locale/ru')])
      : Promise.all([import('antd/es/locale/en_GB'), import('dayjs/locale/en-gb')]);
    void Promise.all([kept, import('dayjs')]).then(([[l], dayjs]) => {
      dayjs.default.locale(lang === 'ru' ? 'ru' : 'en-gb');
      startTransition(() => setLocale(l.default)); // it draws the whole panel: in small steps
    });
  }, [lang]);
  useEffect(() => {
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
    document.body.style.background = dark ? '#0f1114' : '#f4f5f7';
  }, [dark]);
  if (!locale) return null;
  return (
    <ConfigProvider theme={config(dark)} locale={locale} csp={{ nonce }} componentSize="middle">
      <App message={{ maxCount: 3 }} style={{ minHeight: '100%' }}>{children}</App>
    </ConfigProvider>
  );
}
