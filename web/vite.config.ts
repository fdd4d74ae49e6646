import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { partedTexts } from './scripts/parts.mjs';

const out = path.resolve(import.meta.dirname, '../panel/dist');

// compressed writes each asset once more as .br and .gz: the hub serves those as
// they are and compresses nothing itself. index.html gets a nonce per answer.
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    async closeBundle() {
      const dir = path.join(out, 'assets');
      for (const name of await readdir(dir)) {
        if (!/\.(js|css|svg|json)$/.test(name)) continue;
        const file = path.join(dir, name);
        const raw = await readFile(file);
        if (raw.length < 1024) continue;
        const br = await promisify(brotliCompress)(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
        await writeFile(`${file}.br`, br);
        await writeFile(`${file}.gz`, await promisify(gzip)(raw, { level: 9 }));
      }
    },
  };
}

// A hub for `npm run dev`: the demo's address.
const hub = process.env.ORDERHUB ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), partedTexts(), compressed()],
  html: { cspNonce: '__NONCE__' },
  build: {
    outDir: out,
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // those that know light-dark()
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/api': hub } },
});
