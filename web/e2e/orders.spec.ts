import { readFileSync } from 'node:fs';
import { begin, buy, come, end, enter, expect, test } from './hub';

interface Row {
  number: number;
  status: string;
  channel: string;
  next?: { to: string }[];
}

test('the link of the demo opens a living list', async ({ page }) => {
  const { hub, child } = await begin(true);
  try {
    await page.goto(hub.link);
    await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();
    expect(page.url()).not.toContain('password');
    const first = page.locator('tbody tr[data-row-key]').first();
    await expect(first).toBeVisible();
    const before = await first.getAttribute('data-row-key');
    await expect(async () => expect(await first.getAttribute('data-row-key')).not.toBe(before)).toPass();
  } finally {
    await end(child);
  }
});

test('rows keep their places while somebody is at the table', async ({ hub, open }) => {
  const page = await open('/orders');
  const rows = page.locator('tbody tr[data-row-key]');
  await rows.nth(3).hover();
  const places = async () => rows.evaluateAll((list) => list.slice(0, 8).map((r) => r.getAttribute('data-row-key')));
  const before = await places();
  const number = await come(hub, 'shop', await buy(hub.sims, 'site', 'KR-002'));
  await expect(page.getByRole('button', { name: /new orders?/ })).toBeVisible({ timeout: 40_000 });
  expect(await places()).toEqual(before);
  await page.getByRole('button', { name: /new orders?/ }).click();
  await expect(rows.first()).toHaveAttribute('data-row-key', String(number));
});

test('on a phone the list keeps still, with nobody pointing at it', async ({ hub, open, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open('/orders');
  const cards = page.getByRole('listitem').filter({ has: page.getByRole('checkbox') });
  await expect(cards.first()).toBeVisible();
  const numbers = async () => (await cards.locator('strong').allTextContents()).slice(0, 4);
  const before = await numbers();
  const number = await come(hub, 'shop', await buy(hub.sims, 'site', 'KR-002'));
  await expect(page.getByRole('button', { name: /new orders?/ })).toBeVisible({ timeout: 40_000 });
  expect(await numbers()).toEqual(before);
  await page.getByRole('button', { name: /new orders?/ }).click();
  await expect(cards.first().locator('strong')).toHaveText(String(number));
});

// place sends an order of the shop, and holds it.
async function place(hub: { call: <T>(m: string, p: string, b?: unknown) => Promise<T> }, id: string) {
  const order = await hub.call<Row>('POST', '/accounts/shop/orders', { id, status: 'new', currency: 'RUB', lines: [{ sku: 'E2E-1', name: 'Teapot', qty: 1, price: '100.00' }] });
  await hub.call('POST', `/orders/${order.number}/hold`, { on: true, why: 'e2e' });
  return order;
}

test('an order is opened with the keyboard and worked on its card', async ({ hub, open }) => {
  const order = await place(hub, 'e2e-card');
  const page = await open(`/orders?q=${order.number}`);
  await expect(page.locator(`[data-row-key="${order.number}"]`)).toContainText('Teapot');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const card = page.getByRole('dialog');
  await expect(card).toContainText(`Order ${order.number}`);
  await card.getByRole('button', { name: 'Lift the hold' }).click();
  await card.getByRole('button', { name: /Confirm$/ }).click();
  await expect(card.locator('.ant-drawer-title .chip').first()).toHaveText('Confirmed');
  const now = await hub.call<Row>('GET', `/orders/${order.number}`);
  expect(now.status).toBe('confirmed');
});

test('many orders at once, with an outcome for each', async ({ hub, open }) => {
  const orders = await Promise.all(['e2e-b1', 'e2e-b2'].map((id) => place(hub, id)));
  const page = await open('/orders?hold=manual');
  for (const o of orders) await page.getByRole('checkbox', { name: `Select order ${o.number}` }).check();
  const bar = page.getByRole('region', { name: 'Selected orders' });
  await expect(bar).toContainText('2 orders selected');
  await bar.getByRole('button', { name: 'Ship' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Ship' }).click();
  // Held orders are refused, each with a sentence.
  const outcome = page.getByRole('dialog', { name: 'What became of each' });
  await expect(outcome).toContainText('Refused: 2');
  for (const o of orders) await expect(outcome).toContainText(String(o.number));
});

test('a view is saved, opened, removed, and brought back', async ({ open }) => {
  const page = await open('/orders?hold=manual');
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name: 'Save this view' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('On hold');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const button = page.getByRole('button', { name: 'star On hold' });
  await expect(button).toBeVisible(); // says which view this is
  await button.click();
  await page.getByRole('button', { name: /^Remove.*On hold/ }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(button).toBeVisible();
});

test('a lost connection is told and mends by itself', async ({ hub, open }) => {
  const page = await open('/orders');
  await expect(page.locator('tbody tr[data-row-key]').first()).toBeVisible();
  await page.context().setOffline(true);
  await expect(page.getByText('No connection')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('tbody tr[data-row-key]').first()).toBeVisible();
  const order = await place(hub, 'e2e-meanwhile');
  await page.context().setOffline(false);
  await expect(page.getByText('No connection')).toBeHidden({ timeout: 30_000 });
  await expect(page.locator(`[data-row-key="${order.number}"]`)).toBeVisible(); // what was missed is there
});

test('the file holds what the list shows', async ({ hub, open }) => {
  const order = await place(hub, 'e2e-file');
  await hub.call('PUT', `/orders/${order.number}/tags/for-the-file`);
  const page = await open('/orders?tag=for-the-file');
  await expect(page.locator('tbody tr[data-row-key]')).toHaveCount(1);
  await page.getByRole('button', { name: 'Export' }).click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'CSV' }).click()]);
  const lines = readFileSync(await file.path(), 'utf8').trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain(String(order.number));
});

test('the first load of the orders page is small', async ({ hub, page }) => {
  // The app's own files; how much the orders weigh is the shop's matter.
  const size = { app: 0, data: 0 };
  const data = new Set<string>();
  const client = await page.context().newCDPSession(page);
  await client.send('Network.enable');
  client.on('Network.responseReceived', (e) => { if (new URL(e.response.url).pathname.startsWith('/api/')) data.add(e.requestId); });
  client.on('Network.loadingFinished', (e) => { size[data.has(e.requestId) ? 'data' : 'app'] += e.encodedDataLength; });
  await enter(hub, page.context());
  await page.goto(`${hub.url}/orders`);
  await page.locator('tbody tr[data-row-key]').first().waitFor();
  console.log(`first load: ${Math.round(size.app / 1000)} KB, and ${Math.round(size.data / 1000)} KB of data`);
  expect(size.app).toBeGreaterThan(100_000);
  expect(size.app).toBeLessThan(400_000);
});
