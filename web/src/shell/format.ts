// Dates, money and spans as people of a language write them.
import { useSyncExternalStore } from 'react';
import { useText, type Language } from './i18n';
import type { Schemas } from './api';

const locales: Record<Language, string> = { en: 'en-GB', ru: 'ru-RU' };

export function formats(lang: Language) {
  const locale = locales[lang];
  const short = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const weekday = { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' } as const;
  const calendar = new Intl.DateTimeFormat(locale, weekday);
  const another = new Intl.DateTimeFormat(locale, { ...weekday, year: 'numeric' });
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const number = new Intl.NumberFormat(locale);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const moneys = new Map<string, Intl.NumberFormat>();
  const money = (m: Schemas['Money'] | undefined | null) => {
    if (!m) return '';
    let f = moneys.get(m.currency);
    if (!f) {
      try {
        f = new Intl.NumberFormat(locale, { style: 'currency', currency: m.currency, currencyDisplay: 'narrowSymbol' });
      } catch {
        f = new Intl.NumberFormat(locale, { minimumFractionDigits: 2 });
      }
      moneys.set(m.currency, f);
    }
    const digits = f.resolvedOptions().maximumFractionDigits ?? 2;
    return f.format(m.minor / 10 ** digits);
  };
  const parse = (s: string | undefined | null) => (s ? new Date(s) : undefined);
  return {
    locale,
    money,
    number: (n: number) => number.format(n),
    at: (s: string | undefined | null) => (s ? short.format(parse(s)) : ''),
    day: (s: string | undefined | null) => (s ? day.format(parse(s)) : ''),
    full: (s: string | undefined | null) => (s ? full.format(parse(s)) : ''),
    time: (s: string | undefined | null) => (s ? time.format(parse(s)) : ''),
    /** calendar is for a day like 2026-11-23; the year is said of other years */
    calendar: (day: string) => (day.startsWith(new Date().toISOString().slice(0, 4)) ? calendar : another).format(new Date(`${day}T00:00:00Z`)),
    clock: (d: Date) => clock.format(d),
    ago: (s: string | undefined | null, now: number) => {
      if (!s) return '';
      const ahead = (Date.parse(s) - now) / 1000;
      const seconds = ahead > 0 && ahead < 15 ? 0 : Math.round(ahead); // the page's clock moves in steps
      const a = Math.abs(seconds);
      if (a < 60) return relative.format(seconds, 'second');
      if (a < 3600) return relative.format(Math.round(seconds / 60), 'minute');
      if (a < 86400) return relative.format(Math.round(seconds / 3600), 'hour');
      return relative.format(Math.round(seconds / 86400), 'day');
    },
    /** seconds as 0.4 s, 14 s, 3 min, 2 h, 5 d */
    span: (s: number) => {
      const unit = (v: number, u: string, d = 0) =>
        new Intl.NumberFormat(locale, { style: 'unit', unit: u, unitDisplay: lang === 'ru' ? 'short' : 'narrow', maximumFractionDigits: d }).format(v);
      const a = Math.abs(s);
      if (a < 10) return unit(s, 'second', 1);
      if (a < 90) return unit(Math.round(s), 'second');
      if (a < 5400) return unit(Math.round(s / 60), 'minute');
      if (a < 172800) return unit(Math.round(s / 3600), 'hour');
      return unit(Math.round(s / 86400), 'day');
    },
  };
}

export type Formats = ReturnType<typeof formats>;

// Making them costs milliseconds, and hundreds of cells ask.
const made: Partial<Record<Language, Formats>> = {};

export function useFormat(): Formats {
  const { lang } = useText();
  return made[lang] ??= formats(lang);
}

// One clock for all countdowns; it stands while the page is hidden.
let now = Date.now();
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(l: () => void) {
  watchers.add(l);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    now = Date.now();
    for (const w of watchers) w();
  }, 1000);
  return () => {
    watchers.delete(l);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** useNow gives the time in milliseconds, in steps of so many seconds. */
export function useNow(step = 1): number {
  return useSyncExternalStore(watch, () => Math.floor(now / (step * 1000)) * step * 1000);
}
