// Texts in two languages. Keys are flat: page.what; a missing key does not compile,
// and scripts/texts.mjs compares the two files.
import i18next from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';
import type en from './locales/en.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    keySeparator: false;
    nsSeparator: false;
  }
}

export type Language = 'en' | 'ru';

const key = 'orderhub.language';

/** language is the chosen one, else the browser's. */
export function language(): Language {
  const saved = localStorage.getItem(key);
  if (saved === 'en' || saved === 'ru') return saved;
  return navigator.languages.some((l) => /^(ru|be|kk|uk)\b/i.test(l)) ? 'ru' : 'en';
}

async function load(lang: Language) {
  const texts = lang === 'ru' ? await import('./locales/ru.json') : await import('./locales/en.json');
  i18next.addResourceBundle(lang, 'translation', texts.default);
}

export async function startTexts() {
  const lang = language();
  await i18next.use(initReactI18next).init({
    lng: lang,
    resources: {},
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false }, // React escapes
    react: { bindI18nStore: 'added' },
  });
  await load(lang);
  document.documentElement.lang = lang;
}

export async function setLanguage(lang: Language) {
  localStorage.setItem(key, lang);
  await load(lang);
  await i18next.changeLanguage(lang);
  document.documentElement.lang = lang;
}

/** useText: t for texts, word for a word of the hub, which is shown as it is where
 * the panel has no text for it. */
export function useText() {
  const { t, i18n } = useTranslation();
  const word = (group: string, value: string | undefined) => {
    if (!value) return '';
    const k = `${group}.${value}`;
    return i18n.exists(k) ? String(i18n.t(k as never)) : value;
  };
  return { t, word, lang: (i18n.language === 'ru' ? 'ru' : 'en') as Language };
}
