// Compares the two files of texts: the same keys, the same places to fill in, all
// plural forms.
import { readFileSync } from 'node:fs';

const read = (l) => JSON.parse(readFileSync(new URL(`../src/shell/locales/${l}.json`, import.meta.url), 'utf8'));
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

if (bad.length) {
  console.error([...new Set(bad)].join('\n'));
  process.exit(1);
}
