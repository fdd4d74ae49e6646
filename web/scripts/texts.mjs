// Compares the two files of texts: the same keys, the same places to fill in, all
// plural forms. And that each page gets every text that it names.
import { texts as read, parts } from './parts.mjs';

const en = read('en');
const ru = read('ru');
const forms = /_(one|few|many|other)$/;
const bare = (texts) => new Set(Object.keys(texts).map((k) => k.replace(forms, '')));
const bad = [];

for (const k of bare(en)) if (!bare(ru).has(k)) bad.push(`ru lacks ${k}`);
for (const k of bare(ru)) if (!bare(en).has(k)) bad.push(`en lacks ${k}`);
for (const [lang, texts, wanted] of [['en', en, ['one', 'other']], ['ru', ru, ['one', 'few', 'many', 'other']]]) {
  for (const k of Object.keys(texts).filter((key) => forms.test(key))) {
    for (const f of wanted) if (!(k.replace(forms, `_${f}`) in texts)) bad.push(`${lang} lacks ${k.replace(forms, `_${f}`)}`);
  }
}
const places = (s) => [...s.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort().join();
for (const [k, v] of Object.entries(en)) if (k in ru && places(v) !== places(ru[k])) bad.push(`${k}: other places in ru`);

// A page whose texts are forgotten shows keys.
const { first, ...pages } = parts();
if (first.size === 0 || Object.keys(pages).length === 0) bad.push('the texts of no page were found: does app.tsx still use lazyPage?');
const groups = new Set(Object.keys(en).map((k) => k.split('.')[0]));
const come = new Set([first, ...Object.values(pages)].flatMap((g) => [...g]));
for (const g of groups) if (!come.has(g)) bad.push(`no page says ${g}.…`);

if (bad.length) {
  console.error([...new Set(bad)].join('\n'));
  process.exit(1);
}
