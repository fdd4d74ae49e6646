// Texts in two languages. Keys are flat: page.what; a missing key does not compile,
// and scripts/texts.mjs compares the two files. They come in parts: scripts/parts.mjs.
import i18next, { type TFunction } from 'i18next';
import { lazy, useSyncExternalStore, type ComponentType } from 'react';
import { parts } from 'virtual:texts';
import type en from './locales/en.json';
import { foreign, teller } from './said';

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

const loaded = new Set(['first']); // parts that are there, in the language of now

async function load(lang: Language, names: Iterable<string>) {
  const texts = await Promise.all([...names].map((n) => parts[n]?.[lang]()));
  for (const t of texts) if (t) i18next.addResourceBundle(lang, 'translation', t.default);
}

/** lazyPage is a page that comes, with its texts, when it is opened. The name is that
 * of its file below src; scripts/parts.mjs looks for it. */
export function lazyPage<P>(name: string, page: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(async () => {
    const texts = loaded.has(name) ? undefined : load(languageNow(), [name]);
    loaded.add(name);
    const [component] = await Promise.all([page(), texts]);
    return component;
  });
}

export async function startTexts() {
  const lang = language();
  await i18next.init({
    lng: lang,
    resources: {},
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false }, // React escapes
  });
  await load(lang, loaded);
  document.documentElement.lang = lang;
}

export async function setLanguage(lang: Language) {
  localStorage.setItem(key, lang);
  await load(lang, loaded);
  await i18next.changeLanguage(lang);
  document.documentElement.lang = lang;
}

const books = { ru: () => import('./locales/hub.ru.json'), en: () => import('./locales/hub.en.json') };
const tellers: Partial<Record<Language, (text: string) => string>> = {};
const coming: Partial<Record<Language, Promise<void>>> = {};

function wordOf(group: string, value: string): string {
  const k = `${group}.${value}`;
  return i18next.exists(k) ? String(i18next.t(k as never)) : value;
}

// open brings the hub's sentences in a language, when the first is shown.
function open(lang: Language): Promise<void> {
  return coming[lang] ??= books[lang]().then(async (book) => {
    tellers[lang] = remembered(teller(lang, book.default, wordOf));
    loaded.add('hub');
    await load(lang, ['hub']); // the words that stand in sentences
    changed(); // whoever shows one, looks again
  }).catch(() => { coming[lang] = undefined; }); // offline: asked again with the next
}

function remembered(tell: (text: string) => string) {
  const known = new Map<string, string>();
  return (text: string) => {
    let told = known.get(text);
    if (told === undefined) {
      if (known.size > 5000) known.clear();
      known.set(text, told = tell(text));
    }
    return told;
  };
}

/** tellNow puts a sentence of the hub into the language of now. */
export async function tellNow(text: string): Promise<string> {
  const lang = languageNow();
  if (!foreign(lang, text)) return text;
  await open(lang);
  return tellers[lang]?.(text) ?? text;
}

const languageNow = (): Language => (i18next.language === 'ru' ? 'ru' : 'en');

// What a component shows of texts: another object when the language changes or the
// hub's sentences have come. (react-i18next keeps as much for each component by itself, and a list
// of orders has hundreds.)
interface Texts { t: TFunction; lang: Language }
let texts: Texts | undefined;
const readers = new Set<() => void>();

function changed() {
  texts = undefined;
  for (const r of readers) r();
}
i18next.on('languageChanged', changed);

function subscribe(r: () => void) {
  readers.add(r);
  return () => readers.delete(r);
}

const textsNow = () => (texts ??= { t: i18next.getFixedT(i18next.language), lang: languageNow() });

/** useText: t for texts, said for a sentence of the hub, word for a word of the hub, which is shown as it is where
 * the panel has no text for it. */
export function useText() {
  const { t, lang } = useSyncExternalStore(subscribe, textsNow);
  const word = (group: string, value: string | undefined) => (value ? wordOf(group, value) : '');
  const said = (text: string | undefined) => {
    if (!text || !foreign(lang, text)) return text ?? '';
    const tell = tellers[lang];
    if (!tell) void open(lang);
    return tell ? tell(text) : text;
  };
  return { t, word, said, lang };
}
