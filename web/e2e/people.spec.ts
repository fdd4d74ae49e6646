// Who may come in, and what each may do.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';
import { binary, end, enter, expect, listen, settled, test, user, type Hub } from './hub';

test('first start: the first user is made in the browser and is in the panel', async ({ page }) => {
  const dir = mkdtempSync(join(tmpdir(), 'orderhub-e2e-'));
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--proxies', '10.0.0.0/8', '--database', join(dir, 'hub.db')], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const [setup = '', address = ''] = await listen(child, [/first user here: (\S+)/, /orderhub is ready.*?(127\.0\.0\.1:\d+)/]);
    expect(setup).toContain(`${address}/setup?code=`);
    await page.goto(setup);
    await page.getByLabel('Name').fill('Vera');
    await page.getByLabel('Login').fill('vera');
    await page.getByLabel('Password', { exact: true }).fill('too short');
    await page.getByRole('button', { name: 'Begin' }).click();
    await expect(page.getByRole('alert')).toContainText('10');
    await page.getByLabel('Password', { exact: true }).fill('long enough, this one');
    await page.getByRole('button', { name: 'Begin' }).click();
    await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();
    expect(page.url()).not.toContain('code');
    await page.getByRole('button', { name: 'Who is signed in' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('Login').fill('vera');
    await page.getByLabel('Password', { exact: true }).fill('long enough, this one');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();
  } finally {
    await end(child);
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a session that ended leads to the door and back to the same page', async ({ hub, open, page }) => {
  const who = await user(hub, 'manager', 'leaving');
  await page.context().clearCookies();
  await enter(hub, page.context(), who.login, who.password);
  await page.goto(`${hub.url}/returns?view=all`);
  await expect(page.getByRole('heading', { name: 'Returns', level: 1 })).toBeVisible();
  await page.context().clearCookies();
  await expect(page.getByText('Your session has ended')).toBeVisible({ timeout: 90_000 });
  await page.getByLabel('Login').fill(who.login);
  await page.getByLabel('Password', { exact: true }).fill(who.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Returns', level: 1 })).toBeVisible();
  expect(page.url()).toContain('view=all');
  await open('/orders');
});

// as opens the panel for somebody of a role; what the hub denied is gathered.
async function as(browser: Browser, hub: Hub, role: string, login = role) {
  const who = await user(hub, role, login);
  const context = await browser.newContext();
  await enter(hub, context, who.login, who.password);
  const page = await context.newPage();
  const denied: string[] = [];
  page.on('response', (r) => { if (r.status() === 403) denied.push(r.url()); });
  // call sends what a page would send: what is refused is refused for the role.
  const call = async (path: string, data: unknown) => {
    const { csrf } = (await (await context.request.get(`${hub.url}/api/v1/session`)).json()) as { csrf: string };
    const res = await context.request.post(`${hub.url}/api/v1${path}`, { data, headers: { 'X-CSRF-Token': csrf } });
    return { status: res.status(), detail: ((await res.json()) as { detail?: string }).detail ?? '' };
  };
  return { page, denied, call };
}

const everywhere = ['Today', 'Orders', 'Returns', 'Stock', 'Products', 'Listings', 'Accounts', 'Channel audit', 'Problems'];
const roles = {
  owner: { places: [...everywhere.slice(0, 3), 'Customers', ...everywhere.slice(3, -1), '1C', 'Integrations', 'Problems', 'Rules', 'Notifications', 'Users', 'API tokens', 'Audit log', 'Settings'], works: true },
  warehouse: { places: everywhere, works: true },
  viewer: { places: everywhere, works: false },
};

for (const [role, { places, works }] of Object.entries(roles)) {
  test(`${role}: sees what is theirs, and is denied nothing on the way`, async ({ browser, hub }) => {
    const { page, denied } = await as(browser, hub, role);
    await page.goto(`${hub.url}/orders`);
    const items = page.getByRole('navigation').getByRole('menuitem');
    await expect(items).toHaveText(places);
    for (const name of places) {
      await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      await settled(page);
      await expect(page.getByText('this needs the permission')).toHaveCount(0);
    }
    const order = await hub.call<{ number: number }>('POST', '/accounts/shop/orders', { id: `e2e-${role}`, status: 'new', currency: 'RUB', lines: [{ sku: 'E2E-1', name: 'Teapot', qty: 1, price: '100.00' }] });
    await hub.call('POST', `/orders/${order.number}/hold`, { on: true, why: 'e2e' });
    await page.goto(`${hub.url}/orders/${order.number}`);
    await expect(page.getByRole('dialog')).toContainText('Teapot');
    await expect(page.getByRole('button', { name: 'Lift the hold' })).toHaveCount(works ? 1 : 0);
    expect(denied).toEqual([]);
    await page.context().close();
  });
}

test('an address that is not theirs is no page', async ({ browser, hub }) => {
  const { page, call } = await as(browser, hub, 'viewer', 'curious');
  await page.goto(`${hub.url}/users`);
  await expect(page.getByText('There is nothing here')).toBeVisible();
  const answer = await call('/users', { login: 'x', name: 'x', role: 'owner' });
  expect(answer.status).toBe(403);
  expect(answer.detail).toContain('users.manage');
  await page.context().close();
});
