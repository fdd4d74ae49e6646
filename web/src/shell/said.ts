// The hub says its sentences in one language: English, and Russian where it is about
// 1C. Here they are put into the reader's: locales/hub.ru.json and hub.en.json hold
// each sentence as the hub's source has it, with %s, %d and %q for what varies.
// What is not in the book, the words of a channel or of a person, stays as it is.
// docs/decisions/2026-11-23-words-of-the-hub.md says why so.

export type Word = (group: string, value: string) => string;
type Tell = (text: string) => string;

interface Sentence {
  form: RegExp;
  text: string;
  weight: number;
}

const longest = 2000; // more is no sentence
const place = /\{(\d+)(?::(\w+)|#([^{}]+))?\}/g;
const wild: Record<string, string> = { '%s': '(.*?)', '%d': '(-?\\d+)', '%q': '"((?:[^"\\\\]|\\\\.)*)"' };

function formOf(key: string): RegExp {
  const parts = key.split(/(%[sdq])/).map((p) => wild[p] ?? p.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('')}$`, 's');
}

/** counted writes "3 единицы": the forms are those of the language's plural rules. */
function counted(lang: string, n: string, forms: string): string {
  const list = forms.split('|');
  const rule = new Intl.PluralRules(lang).select(Number(n));
  const at = rule === 'one' ? 0 : rule === 'few' ? 1 : list.length - 1;
  return `${n} ${list[at] ?? ''}`;
}

/** teller makes of a book what puts sentences into its language. */
export function teller(lang: string, book: Record<string, string>, word: Word): Tell {
  const exact = new Map(Object.entries(book));
  const forms: Sentence[] = Object.entries(book).filter(([key]) => /%[sdq]/.test(key))
    .map(([key, text]) => ({ form: formOf(key), text, weight: key.replace(/%[sdq]/g, '').length }))
    .sort((a, b) => b.weight - a.weight); // "x: no product is known" before "x: y"

  const fill = (text: string, found: string[], depth: number) => text.replace(place, (_, i: string, group?: string, plural?: string) => {
    const value = (found[Number(i)] ?? '').replace(/\\(["\\])/g, '$1');
    if (plural) return counted(lang, value, plural);
    if (group === 'said') return tell(value, depth + 1) ?? value;
    return group ? value.split(', ').map((v) => word(group, v)).join(', ') : value;
  });

  const parts = (text: string, by: string, depth: number, all = false) => {
    const list = by === ': ' ? cut(text) : text.split(by);
    if (list.length < 2) return undefined;
    const told = list.map((p) => tell(p, depth + 1));
    return (all ? told.every(Boolean) : told.some(Boolean)) ? told.map((p, i) => p ?? list[i]).join(by) : undefined;
  };

  // tell gives undefined for what the book does not have.
  function tell(text: string, depth = 0): string | undefined {
    if (depth > 5 || !text.trim()) return undefined;
    const same = exact.get(text);
    if (same !== undefined && !/%[sdq]/.test(text)) return same;
    for (const f of forms) {
      const found = f.form.exec(text);
      if (found) return fill(f.text, found, depth);
    }
    // Sentences that were joined: "lines[0].sku: is missing", "rejected: …; …".
    return parts(text, '; ', depth) ?? parts(text, ': ', depth) ?? parts(text, ', ', depth, true);
  }

  return (text) => {
    const told = text.length > longest ? undefined : tell(text);
    return told === undefined ? text : told.charAt(0).toUpperCase() + told.slice(1);
  };
}

// cut parts a text at its first colon.
function cut(text: string): string[] {
  const at = text.indexOf(': ');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 2)];
}

/** foreign tells whether a text can be a sentence in the other language. */
export function foreign(lang: string, text: string): boolean {
  return lang === 'ru' ? /[A-Za-z]{2}/.test(text) : /[а-яё]{2}/i.test(text);
}
