// The hub says its sentences in one language: English, and Russian where it is about
// 1C. Here they are put into the reader's: locales/hub.ru.json and hub.en.json hold
// each sentence as the hub's source has it, with %s, %d and %q for what varies.
// What is not in the book, the words of a channel or of a person, stays as it is.
// docs/decisions/2026-11-23-words-of-the-hub.md says why so.

export type Word = (group: string, value: string) => string;
type Tell = (text: string) => string;

interface Sentence {
  /** near: no place reaches over "; " or ": ", which join sentences; far: any may. */
  near: RegExp;
  far: RegExp;
  text: string;
  weight: number;
}

const longest = 2000; // more is no sentence
const place = /\{(\d+)(?::(\w+)|#([^{}]+))?\}/g;
const wild: Record<string, string> = { '%d': '(-?\\d+)', '%q': '"((?:[^"\\\\]|\\\\.)*)"' };
const words = '([\\w.-]*(?:, [\\w.-]+)*)'; // "delivered, cancelled"

// formOf makes the pattern of a sentence. Where its translation says a word of the
// hub, {2:status}, a word stands and nothing else.
function formOf(key: string, text: string, near: boolean): RegExp {
  const groups = new Map([...text.matchAll(place)].map(([, i, group]) => [Number(i), group]));
  let at = 0;
  const parts = key.split(/(%[sdq])/).map((p, i) => {
    if (i % 2 === 0) return p.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const group = groups.get(++at);
    if (group && group !== 'said' && group !== 'channel') return wild[p] ?? words;
    return wild[p] ?? (near ? (group ? '((?:(?!; ).)*?)' : '((?:(?!; |: ).)*?)') : '(.*?)');
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}

// weightOf: what says more goes first, "x: no product is known" before "x: y".
function weightOf(key: string): number {
  return key.replace(/%[sdq]/g, '').length + (key.startsWith('%') ? 0 : 10);
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
  const exact = new Map(Object.entries(book).filter(([key]) => !/%[sdq]/.test(key)));
  const forms: Sentence[] = Object.entries(book).filter(([key]) => /%[sdq]/.test(key))
    .map(([key, text]) => ({ near: formOf(key, text, true), far: formOf(key, text, false), text, weight: weightOf(key) }))
    .sort((a, b) => b.weight - a.weight);

  const fill = (text: string, found: string[], depth: number) => text.replace(place, (_, i: string, group?: string, plural?: string) => {
    const value = (found[Number(i)] ?? '').replace(/\\(["\\])/g, '$1');
    if (plural) return counted(lang, value, plural);
    if (group === 'said') return tell(value, depth + 1) ?? value;
    return group ? value.split(', ').map((v) => word(group, v)).join(', ') : value;
  });

  // joined tells the parts of a list of sentences: some of them, or all.
  const joined = (text: string, by: string, depth: number, all = false) => {
    const list = text.split(by);
    if (list.length < 2) return undefined;
    const told = list.map((p) => tell(p, depth + 1));
    return (all ? told.every(Boolean) : told.some(Boolean)) ? told.map((p, i) => p ?? list[i]).join(by) : undefined;
  };

  // behind tells a sentence with a person's or another's words behind a colon, or one
  // with the name of a field before it.
  const behind = (text: string, depth: number) => {
    for (let at = text.lastIndexOf(': '); at > 0; at = text.lastIndexOf(': ', at - 1)) {
      const head = exact.get(text.slice(0, at)) ?? match(text.slice(0, at), 'near', depth);
      const rest = text.slice(at + 2);
      if (head !== undefined) return `${head}: ${tell(rest, depth + 1) ?? rest}`;
    }
    const at = text.indexOf(': ');
    const told = at > 0 ? tell(text.slice(at + 2), depth + 1) : undefined;
    return told === undefined ? undefined : `${text.slice(0, at)}: ${told}`;
  };

  const match = (text: string, how: 'near' | 'far', depth: number) => {
    for (const f of forms) {
      const found = f[how].exec(text);
      if (found) return fill(f.text, found, depth);
    }
    return undefined;
  };

  // tell gives undefined for what the book does not have.
  function tell(text: string, depth = 0): string | undefined {
    if (depth > 5 || !text.trim()) return undefined;
    const same = exact.get(text);
    if (same !== undefined) return same;
    // Else sentences may have been joined: "lines[0].sku: is missing", "changed: …; …".
    return match(text, 'near', depth) ?? joined(text, '; ', depth) ?? behind(text, depth) ?? match(text, 'far', depth) ?? joined(text, ', ', depth, true);
  }

  return (text) => {
    const told = text.length > longest ? undefined : tell(text);
    return told === undefined ? text : told.charAt(0).toUpperCase() + told.slice(1);
  };
}

/** foreign tells whether a text can be a sentence in the other language. */
export function foreign(lang: string, text: string): boolean {
  return lang === 'ru' ? /[A-Za-z]{2}/.test(text) : /[а-яё]{2}/i.test(text);
}
