// Texts are written in two files and served in parts: what the frame and the list
// of orders say comes first, the rest with the page that says it. Which texts a
// page says is read from its source.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const src = path.resolve(import.meta.dirname, '../src');
const forms = /_(one|few|many|other)$/;

/** texts reads the file of a language. */
export const texts = (lang) => JSON.parse(readFileSync(path.join(src, `shell/locales/${lang}.json`), 'utf8'));

const groupOf = (key) => key.split('.')[0];
const read = (file) => readFileSync(file, 'utf8');
const later = /lazyPage\('([\w/]+)'/g; // lazyPage('returns/returns', …): comes with its own texts

function resolve(from, name) {
  const bare = path.resolve(path.dirname(from), name);
  return [bare, `${bare}.tsx`, `${bare}.ts`].find((f) => /\.tsx?$/.test(f) && existsSync(f));
}

// closure lists the files that come with one, those of pages with texts of their
// own left out.
function closure(entry, found = new Set()) {
  if (found.has(entry)) return found;
  found.add(entry);
  const code = read(entry);
  const own = new Set([...code.matchAll(later)].map((m) => resolve(path.join(src, 'x'), `./${m[1]}`)));
  for (const [, name] of code.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
    const file = resolve(entry, name);
    if (file && !own.has(file)) closure(file, found);
  }
  return found;
}

// said lists the groups of texts (what stands before a key's first dot) of a file.
function said(code, known) {
  const groups = new Set();
  for (const [, key] of code.matchAll(/['`]([a-zA-Z]+\.[\w.]+)['`]/g)) if (known.has(key)) groups.add(groupOf(key));
  for (const [, g] of code.matchAll(/`([a-zA-Z]+)\.[\w.]*\$\{/g)) groups.add(g);
  for (const [, g] of code.matchAll(/word\('([a-zA-Z]+)'/g)) groups.add(g);
  return groups;
}

// inSentences lists the groups whose words stand in sentences of the hub: {1:status}.
const inSentences = () => new Set(['en', 'ru'].flatMap((lang) => [...read(path.join(src, `shell/locales/hub.${lang}.json`)).matchAll(/\{\d+:(\w+)\}/g)].map(([, g]) => g)).filter((g) => g !== 'said'));

/** parts gives the groups of each page, of what comes first under "first", and of the
 * hub's sentences under "hub". */
export function parts() {
  const known = new Set(Object.keys(texts('en')).map((k) => k.replace(forms, '')));
  const groups = (entry) => [...closure(entry)].reduce((all, file) => new Set([...all, ...said(read(file), known)]), new Set());
  const first = groups(path.join(src, 'main.tsx'));
  const out = { first, hub: new Set([...inSentences()].filter((g) => !first.has(g))) };
  const look = (entry) => {
    for (const file of closure(entry)) {
      for (const [, name] of read(file).matchAll(later)) {
        if (out[name]) continue;
        const at = resolve(path.join(src, 'x'), `./${name}`);
        out[name] = new Set([...groups(at)].filter((g) => !first.has(g)));
        look(at);
      }
    }
  };
  look(path.join(src, 'main.tsx'));
  return out;
}

/** pick gives the texts of some groups. */
export const pick = (all, groups) => Object.fromEntries(Object.entries(all).filter(([key]) => groups.has(groupOf(key))));

const index = 'virtual:texts';
const one = /^\0virtual:texts\/(en|ru)\/([\w/]+)$/;

/** partedTexts serves virtual:texts: for each part and language a module of its own. */
export function partedTexts() {
  return {
    name: 'parted-texts',
    // In development a changed source may say other texts.
    configureServer({ watcher, moduleGraph }) {
      watcher.on('all', () => {
        for (const [id, m] of moduleGraph.idToModuleMap) if (id.startsWith(`\0${index}`)) moduleGraph.invalidateModule(m);
      });
    },
    resolveId: (id) => (id.startsWith(index) ? `\0${id}` : undefined),
    load(id) {
      if (id === `\0${index}`) {
        const entry = (part, lang) => `${lang}: () => import('${index}/${lang}/${part}')`;
        return `export const parts = {${Object.keys(parts()).map((p) => `'${p}': {${entry(p, 'en')}, ${entry(p, 'ru')}}`).join(',\n')}};`;
      }
      const m = one.exec(id);
      return m ? `export default JSON.parse(${JSON.stringify(JSON.stringify(pick(texts(m[1]), parts()[m[2]])))});` : undefined;
    },
  };
}
