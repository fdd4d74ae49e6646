// The real binary in demo mode: a hub with simulated marketplaces.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test as base, type BrowserContext, type Page } from '@playwright/test';

export interface Hub {
  url: string;
  token: string;
  /** sims is the control API of the simulators: http://…/_sim/. */
  sims: string;
  /** files is the folder below which files are exchanged. */
  files: string;
  /** link opens the panel and signs in. */
  link: string;
  login: string;
  password: string;
  /** call asks the API as the demo's token. */
  call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
}

/** Book is an order as the market's own books have it. */
export interface Book {
  id: string;
  headline: string;
  calls?: { to?: string; what: string }[];
}

/** sim asks the control API of one simulator. */
export async function sim<T>(sims: string, path: string, body?: unknown): Promise<T> {
  const res = await fetch(sims + path, body === undefined ? undefined : { method: 'POST', body: JSON.stringify(body) });
  if (!res.ok) throw new Error(`${path}: ${res.status} ${await res.text()}`);
  return (await res.json()) as T;
}

/** buy lets a buyer order one unit, and gives the market's id of the order. */
export async function buy(sims: string, channel: string, sku: string): Promise<string> {
  const { ids } = await sim<{ ids: string[] }>(sims, `${channel}/orders`, { lines: [{ sku, quantity: 1, price_minor: 49000 }] });
  return ids[0] ?? '';
}

/** book looks an order up in the market's books. */
export async function book(sims: string, channel: string, id: string): Promise<Book | undefined> {
  return (await sim<Book[]>(sims, `${channel}/truth`)).find((o) => o.id === id);
}

/** come waits until the hub has an order of a market, and gives its number. */
export async function come(hub: Pick<Hub, 'call'>, account: string, id: string): Promise<number> {
  for (let i = 0; i < 200; i++) {
    const { orders } = await hub.call<{ orders: { number: number; account: string; external_id: string }[] }>('GET', `/orders?q=${encodeURIComponent(id)}`);
    const found = orders.find((o) => o.account === account && o.external_id === id);
    if (found) return found.number;
    await new Promise((again) => setTimeout(again, 100));
  }
  throw new Error(`order ${id} of ${account} has not come in`);
}

// What lies on the shelf of a hub, and what is bought before anybody looks.
const shelf = ['0557722', ...['002', '003', '004', '005', '006', '007', '008', '009', '010'].map((n) => `KR-${n}`)];
const bought = { ozon: ['KR-002', 'KR-003', 'KR-004'], wildberries: ['KR-003', 'KR-005'], yandex_market: ['KR-004', 'KR-006'], site: ['KR-002', 'KR-006', '0557722'] };

async function fill(hub: Hub) {
  await hub.call('POST', '/stock/documents', { kind: 'count', lines: shelf.map((sku) => ({ sku, quantity: 500 })) });
  for (const [channel, skus] of Object.entries(bought)) {
    for (const sku of skus) {
      // A market sells what the hub has published, and that takes a moment.
      for (let i = 0; ; i++) {
        try {
          await buy(hub.sims, channel, sku);
          break;
        } catch (e) {
          if (i > 100) throw e;
          await new Promise((again) => setTimeout(again, 100));
        }
      }
    }
  }
}

export const binary = process.env.ORDERHUB_BINARY ?? '../bin/orderhub';

// listen waits until all patterns were printed, and gives what each one caught.
export async function listen(child: ChildProcess, patterns: RegExp[]): Promise<string[]> {
  const found: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)));
    const look = (line: string) => {
      patterns.forEach((p, i) => { found[i] ??= p.exec(line)?.[1] as string; });
      if (patterns.every((_, i) => found[i])) resolve();
    };
    for (const out of [child.stdout, child.stderr]) if (out) createInterface({ input: out }).on('line', look);
  });
  return found;
}

/** end stops a hub. */
export async function end(child: ChildProcess) {
  child.removeAllListeners('exit');
  child.kill('SIGINT');
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
}

/** begin starts a demo. Unless it lives, nothing happens in it but by a test's hand. */
export async function begin(lives = false): Promise<{ hub: Hub; child: ChildProcess }> {
  const files = mkdtempSync(join(tmpdir(), 'orderhub-e2e-'));
  const child = spawn(binary, ['demo', '--addr', '127.0.0.1:0', '--policy', 'shared', '--faults', 'none', '--private-networks', '127.0.0.0/8', '--exchange-dir', files, ...(lives ? [] : ['--by-hand'])], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.once('close', () => rmSync(files, { recursive: true, force: true }));
  const [link = '', sims = '', token = ''] = await listen(child, [/^\s+Panel\s+(\S+)/, /^\s+Simulators\s+(\S+)/, /^\s+API token\s+(\S+)/]);
  const { origin: url, hash } = new URL(link);
  const who = new URLSearchParams(hash.slice(1));
  const call = async <T>(method: string, path: string, body?: unknown) => {
    const res = await fetch(`${url}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`);
    return (res.status === 204 ? undefined : await res.json()) as T;
  };
  return { hub: { url, link, token, sims, files, call, login: who.get('login') ?? '', password: who.get('password') ?? '' }, child };
}

/** enter signs a browser in without the form. */
export async function enter(hub: Hub, context: BrowserContext, login = hub.login, password = hub.password) {
  const res = await context.request.post(`${hub.url}/api/v1/session`, { data: { login, password } });
  if (!res.ok()) throw new Error(`signing in as ${login}: ${res.status()}`);
}

/** user makes somebody of a role and gives their login; the password is the login's. */
export async function user(hub: Hub, role: string, login = role) {
  await hub.call('POST', '/users', { login, name: login, role, password: `${login} has one` });
  return { login, password: `${login} has one` };
}

/** place sends an order of the shop that nobody else works: it is held at once. */
export async function place(hub: Hub, id: string, units = 1) {
  const order = await hub.call<{ number: number }>('POST', '/accounts/shop/orders', { id, status: 'new', currency: 'RUB', lines: [{ sku: 'E2E-1', name: 'Teapot', qty: units, price: '100.00' }] });
  await hub.call('POST', `/orders/${order.number}/hold`, { on: true, why: 'e2e' });
  return order;
}

/** settled waits until a page has what it asked for. */
export async function settled(page: Page) {
  await page.waitForTimeout(100);
  await page.waitForFunction(() => !document.querySelector('.ant-skeleton, .ant-spin-spinning'));
  await page.waitForTimeout(100);
}

export const test = base.extend<{ open: (path: string) => Promise<Page> }, { hub: Hub }>({
  hub: [async ({}, use) => { // eslint-disable-line no-empty-pattern -- Playwright reads the names
    const { hub, child } = await begin();
    await fill(hub);
    await use(hub);
    await end(child);
  }, { scope: 'worker', timeout: 120_000 }],

  // open opens a page of the panel, signed in; a breach of the page's policy or an
  // error of a script fails the test.
  open: async ({ hub, page }, give) => {
    const bad: string[] = [];
    page.on('pageerror', (e) => bad.push(e.message));
    page.on('console', (m) => { if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) bad.push(m.text()); });
    await enter(hub, page.context());
    await give(async (path) => {
      await page.goto(hub.url + path);
      await page.waitForSelector('main h1, .ant-layout h1');
      return page;
    });
    if (bad.length) throw new Error(`errors on the page: ${bad.join('; ')}`);
  },
});

export { expect } from '@playwright/test';
