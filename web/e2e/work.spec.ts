// A day's work, and what the markets' own books say of it.
import type { BrowserContext } from '@playwright/test';
import { book, buy, come, enter, expect, sim, test, user, type Book, type Hub } from './hub';

const chip = '.ant-drawer-title .chip';

test('an order of the shop is worked from new to shipped, and the shop agrees', async ({ hub, open }) => {
  const id = await buy(hub.sims, 'site', 'KR-007');
  const number = await come(hub, 'shop', id);
  const page = await open(`/orders/${number}`);
  const card = page.getByRole('dialog');
  for (const [button, status] of [['Confirm', 'Confirmed'], ['Mark as packed', 'Packed'], ['Ship', 'Shipped']] as const) {
    await card.getByRole('button', { name: new RegExp(`${button}$`) }).click();
    await expect(card.locator(chip).first()).toHaveText(status);
  }
  await expect(async () => {
    const theirs = await book(hub.sims, 'site', id);
    expect(theirs?.headline).toBe('shipped');
    expect(theirs?.calls?.map((c) => c.to)).toEqual(['confirmed', 'packed', 'shipped']);
  }).toPass();
});

test('an order of a marketplace: the seller packs, the courier ships, the card shows it', async ({ hub, open }) => {
  const id = await buy(hub.sims, 'ozon', 'KR-008');
  const number = await come(hub, 'ozon-main', id);
  const page = await open(`/orders/${number}`);
  const card = page.getByRole('dialog');
  await card.getByRole('button', { name: /Confirm$/ }).click();
  await card.getByRole('button', { name: /Mark as packed$/ }).click();
  await expect(card.locator(chip).first()).toHaveText('Packed');
  await expect(card.getByRole('button', { name: /Ship$/ })).toHaveCount(0);
  expect((await book(hub.sims, 'ozon', id))?.calls).toHaveLength(1);
  await sim(hub.sims, `ozon/orders/${id}/progress`, {});
  await expect(card.locator(chip).first()).toHaveText('Shipped');
  expect((await book(hub.sims, 'ozon', id))?.headline).toBe('shipped');
});

test('fifty orders are confirmed at once, and the shop has heard of each', async ({ hub, open }) => {
  const ids: string[] = [];
  for (let i = 0; i < 50; i++) ids.push(await buy(hub.sims, 'site', 'KR-009'));
  await come(hub, 'shop', ids[49] as string);
  const page = await open('/orders?q=KR-009&status=new&account=shop');
  const rows = page.locator('tbody tr[data-row-key]');
  await expect(rows).toHaveCount(50);
  await page.getByRole('checkbox', { name: 'Select all on this page' }).check();
  const bar = page.getByRole('region', { name: 'Selected orders' });
  await expect(bar).toContainText('50 orders selected');
  await bar.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByText('50 orders done')).toBeVisible();
  await expect(async () => {
    const theirs = (await sim<Book[]>(hub.sims, 'site/truth')).filter((o) => ids.includes(o.id));
    expect(theirs.filter((o) => o.headline === 'confirmed')).toHaveLength(50);
    expect(theirs.every((o) => o.calls?.length === 1)).toBe(true); // each once
  }).toPass({ timeout: 60_000 });
});

interface Listings { listings: { id: number; account: string; sku?: string; article: string }[] }

test('an offer without a product is linked with one key', async ({ hub, open }) => {
  const { listings } = await hub.call<Listings>('GET', '/listings?account=ozon-main&q=KR-010');
  const mine = listings.find((l) => l.article === 'KR-010');
  expect(mine?.sku).toBe('KR-010');
  // What the channel may still sell keeps its product.
  await hub.call('PUT', `/listings/${mine?.id}/publish`, { mode: 'fixed', value: 0 });
  await expect(async () => { await hub.call('DELETE', `/listings/${mine?.id}/link`); }).toPass();
  const page = await open('/listings');
  const row = page.locator(`tbody tr[data-row-key="${mine?.id}"]`);
  await expect(row).toContainText('1. KR-010');
  await page.keyboard.press('j');
  await page.keyboard.press('1');
  await expect(row).toHaveCount(0);
  const now = await hub.call<Listings>('GET', '/listings?account=ozon-main&q=KR-010');
  expect(now.listings.find((l) => l.id === mine?.id)?.sku).toBe('KR-010');
});

// colleague is a second person at the same order, whose page has not heard yet of
// what the first one does.
async function colleague(hub: Hub, context: BrowserContext, number: number) {
  const who = await user(hub, 'manager', 'second');
  await enter(hub, context, who.login, who.password);
  const page = await context.newPage();
  await page.route('**/api/v1/stream', (r) => r.abort());
  let kept: { body: string; status: number } | undefined;
  let late = true;
  await page.route(`**/api/v1/orders/${number}`, async (r) => {
    if (!late || !kept) {
      const answer = await r.fetch();
      kept ??= { body: await answer.text(), status: answer.status() };
      return r.fulfill({ response: answer });
    }
    return r.fulfill({ status: kept.status, contentType: 'application/json', body: kept.body });
  });
  page.on('request', (r) => { if (r.method() === 'POST' && r.url().endsWith('/transitions')) late = false; });
  await page.goto(`${hub.url}/orders/${number}`);
  return page;
}

test('two managers act on one order: the second is told', async ({ hub, open, browser }) => {
  const id = await buy(hub.sims, 'site', 'KR-007');
  const number = await come(hub, 'shop', id);
  const context = await browser.newContext();
  const second = await colleague(hub, context, number);
  const theirs = second.getByRole('dialog');
  await expect(theirs.getByRole('button', { name: /Confirm$/ })).toBeVisible();

  const page = await open(`/orders/${number}`);
  const mine = page.getByRole('dialog');
  await mine.getByRole('button', { name: 'Cancel order…' }).click();
  await page.getByRole('button', { name: 'Cancel the order', exact: true }).click();
  await expect(mine.locator(chip).first()).toHaveText('Cancelled');

  await theirs.getByRole('button', { name: /Confirm$/ }).click();
  await expect(second.locator('.ant-notification-notice')).toContainText(/cancelled/i);
  await expect(theirs.locator(chip).first()).toHaveText('Cancelled');
  await expect(async () => expect((await book(hub.sims, 'site', id))?.headline).toBe('cancelled')).toPass();
  await context.close();
});

test('goods are shown with their pictures, and without where the channel has none', async ({ hub, open }) => {
  const id = await buy(hub.sims, 'ozon', 'KR-002');
  const page = await open(`/orders/${await come(hub, 'ozon-main', id)}`);
  const card = page.getByRole('dialog');
  const small = card.getByRole('img', { name: /^Picture of/ });
  await expect(async () => expect(await small.evaluate((i: HTMLImageElement) => i.naturalWidth)).toBeGreaterThan(0)).toPass();
  await card.getByRole('button', { name: /^Picture of/ }).click();
  await expect(page.locator('.ant-popover').getByRole('img')).toBeVisible();

  const bare = await come(hub, 'shop', await buy(hub.sims, 'site', 'KR-010'));
  const other = await open(`/orders/${bare}`);
  await expect(other.getByRole('dialog').locator('span.goods-picture')).toHaveCount(1);
  await expect(other.getByRole('dialog').getByRole('img', { name: /^Picture of/ })).toHaveCount(0);
});

test('stock is found by a part of a name; one article opens', async ({ open }) => {
  const page = await open('/stock');
  const find = page.getByRole('searchbox', { name: 'Article, barcode or name' });
  await find.fill('Ладога');
  await find.press('Enter');
  await expect(page.getByRole('row', { name: /KR-002.*Кружка «Ладога»/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /KR-003/ })).toHaveCount(0);
  await find.fill('KR-003');
  await find.press('Enter');
  await expect(page.getByRole('dialog').getByText('KR-003').first()).toBeVisible();
});
