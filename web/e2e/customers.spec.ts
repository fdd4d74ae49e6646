// Buyers: found, joined, parted, erased.
import { readFile } from 'node:fs/promises';
import { enter, expect, test, user, type Hub } from './hub';

interface Row {
  id: number;
  name?: string;
  phones: string[];
  erased_at?: string;
  order_count: number;
}

// buy sends an order of the shop by somebody.
function buy(hub: Hub, id: string, name: string, phone: string, email: string) {
  return hub.call<{ number: number }>('POST', '/accounts/shop/orders', {
    id, status: 'new', currency: 'RUB', customer: { name, phone, email }, lines: [{ sku: 'E2E-1', name: 'Teapot', qty: 1, price: '100.00' }],
  });
}

const find = async (hub: Hub, q: string) => (await hub.call<{ customers: Row[] }>('GET', `/customers?q=${encodeURIComponent(q)}`)).customers;

test('a buyer is found by the phone in any spelling; merged, and parted again', async ({ hub, open }) => {
  await buy(hub, 'e2e-c1', 'Vera Pavlova', '8 (901) 111-22-33', 'vera@example.org');
  await buy(hub, 'e2e-c2', 'Vera Pavlova', '+7 901 111 22 33', 'vp@example.org');
  await expect(async () => expect(await find(hub, '79011112233')).toHaveLength(2)).toPass();
  const page = await open('/customers');
  await page.getByRole('textbox', { name: 'Phone in any spelling' }).fill('8-901-111-22-33');
  await expect(page.locator('tbody tr[data-row-key]')).toHaveCount(2);
  await page.locator('tbody tr[data-row-key]').last().click();
  const card = page.getByRole('dialog');
  await expect(card).toContainText('May be the same person as');
  await card.getByRole('button', { name: 'One person' }).click();
  await expect(card.getByText(/Card \d+ joined \d+/)).toBeVisible();
  expect(await find(hub, '79011112233')).toMatchObject([{ order_count: 2 }]);
  await card.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Undo' }).click();
  await expect(card.getByText('Undone')).toBeVisible();
  expect(await find(hub, '79011112233')).toHaveLength(2);
});

test('everything about a buyer is a file, and is erased only after a real question', async ({ hub, open }) => {
  const order = await buy(hub, 'e2e-c3', 'Gleb Forgotten', '+79015556677', 'gleb@example.org');
  await hub.call('POST', `/orders/${order.number}/hold`, { on: true });
  await expect(async () => expect(await find(hub, '79015556677')).toHaveLength(1)).toPass();
  const id = (await find(hub, '79015556677'))[0]?.id ?? 0;
  const page = await open(`/customers/${id}`);
  const card = page.getByRole('dialog');
  const [file] = await Promise.all([page.waitForEvent('download'), card.getByRole('button', { name: 'All data as a file' }).click()]);
  expect(await readFile(await file.path(), 'utf8')).toContain('gleb@example.org');
  await card.getByRole('button', { name: 'Erase personal data' }).click();
  const ask = page.getByRole('dialog', { name: /Erase this buyer/ });
  const erase = ask.getByRole('button', { name: 'Erase for good' });
  await expect(erase).toBeDisabled();
  await ask.getByLabel(/type the number/).fill(String(id));
  await expect(erase).toBeDisabled(); // an order is under way
  await ask.getByRole('checkbox').check();
  await erase.click();
  await expect(card.getByText('Personal data erased')).toBeVisible();
  await expect(card.getByText('gleb@example.org')).toHaveCount(0);
  expect(await find(hub, '79015556677')).toEqual([]);
});

test('an accountant sees buyers masked, and cannot change them', async ({ browser, hub }) => {
  await buy(hub, 'e2e-c4', 'Inna Masked', '+79017778899', 'inna@example.org');
  await expect(async () => expect(await find(hub, '79017778899')).toHaveLength(1)).toPass();
  const who = await user(hub, 'accountant', 'counting');
  const context = await browser.newContext();
  await enter(hub, context, who.login, who.password);
  const page = await context.newPage();
  await page.goto(`${hub.url}/customers?q=79017778899`);
  await page.locator('tbody tr[data-row-key]').click();
  const card = page.getByRole('dialog');
  await expect(card).toContainText('Orders of all channels');
  await expect(card).not.toContainText('inna@example.org');
  await expect(page.locator('body')).not.toContainText('7778899');
  for (const name of ['Erase', 'Merge', 'All data']) await expect(card.getByRole('button', { name })).toHaveCount(0);
  await context.close();
});
