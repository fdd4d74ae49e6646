// The real binary in demo mode: a hub with simulated marketplaces.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test as base, type Page } from '@playwright/test';

export interface Hub {
  url: string;
  token: string;
  /** call asks the API as the demo's token. */
  call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
}

const binary = process.env.ORDERHUB_BINARY ?? '../bin/orderhub';

async function begin(): Promise<{ hub: Hub; child: ChildProcess }> {
  const child = spawn(binary, ['demo', '--addr', '127.0.0.1:0', '--policy', 'shared', '--faults', 'none'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const found: { url?: string; token?: string } = {};
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      const panel = /^\s+Panel\s+(\S+?)\/#token=(\S+)/.exec(line);
      if (panel) {
        found.url = panel[1];
        found.token = panel[2];
        resolve();
      }
    });
  });
  const { url = '', token = '' } = found;
  const call = async <T>(method: string, path: string, body?: unknown) => {
    const res = await fetch(`${url}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`);
    return (res.status === 204 ? undefined : await res.json()) as T;
  };
  return { hub: { url, token, call }, child };
}

export const test = base.extend<{ open: (path: string) => Promise<Page> }, { hub: Hub }>({
  hub: [async ({}, use) => { // eslint-disable-line no-empty-pattern -- Playwright reads the names
    const { hub, child } = await begin();
    await use(hub);
    child.removeAllListeners('exit');
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('exit', resolve));
  }, { scope: 'worker', timeout: 120_000 }],

  // open opens a page of the panel, signed in; a breach of the page's policy or an
  // error of a script fails the test.
  open: async ({ hub, page }, give) => {
    const bad: string[] = [];
    page.on('pageerror', (e) => bad.push(e.message));
    page.on('console', (m) => { if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) bad.push(m.text()); });
    await page.addInitScript((t) => sessionStorage.setItem('orderhub.token', t), hub.token);
    await give(async (path) => {
      await page.goto(hub.url + path);
      await page.waitForSelector('main h1, .ant-layout h1');
      return page;
    });
    if (bad.length) throw new Error(`errors on the page: ${bad.join('; ')}`);
  },
});

export { expect } from '@playwright/test';
