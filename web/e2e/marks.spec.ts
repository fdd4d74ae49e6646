// What people note on orders, and units that do not come.
import { enter, expect, place, test, user } from './hub';

interface Order {
  tags: string[];
  assignee?: string;
  units: number;
  removed: { units: number }[];
  notes: { text: string }[];
}

test('notes, tags and an assignee; found again by them', async ({ hub, open }) => {
  const order = await place(hub, 'e2e-marks');
  const page = await open(`/orders/${order.number}`);
  const card = page.getByRole('dialog');
  await card.getByRole('combobox', { name: 'Add tags' }).fill('fragile gift ');
  await expect(card.getByTitle('gift')).toBeVisible();
  await card.getByRole('combobox', { name: 'Assignee' }).click();
  await page.getByTitle(/^Me \(/).click();
  await card.getByLabel(/For colleagues/).fill('Call before packing');
  await card.getByRole('button', { name: 'Write' }).click();
  await expect(card.getByText('Call before packing')).toBeVisible();
  await expect(async () => {
    const now = await hub.call<Order>('GET', `/orders/${order.number}`);
    expect(now.tags).toEqual(['fragile', 'gift']);
    expect(now.assignee).toBe(hub.login);
    expect(now.notes.map((n) => n.text)).toEqual(['Call before packing']);
  }).toPass();
  await expect(card.getByText('+ fragile')).toBeVisible(); // the history says who did it
  await open(`/orders?tag=gift&assignee=${hub.login}`);
  await expect(page.locator('tbody tr[data-row-key]')).toHaveCount(1);
  await expect(page.locator(`[data-row-key="${order.number}"]`)).toBeVisible();
});

test('many orders are tagged and given to somebody at once', async ({ hub, open }) => {
  const orders = await Promise.all(['e2e-m1', 'e2e-m2'].map((id) => place(hub, id)));
  await user(hub, 'manager', 'olga');
  const page = await open('/orders?hold=manual');
  for (const o of orders) await page.getByRole('checkbox', { name: `Select order ${o.number}` }).check();
  await page.getByRole('region', { name: 'Selected orders' }).getByRole('button', { name: 'Tag, assign' }).click();
  const dialog = page.getByRole('dialog', { name: 'Note on 2 orders' });
  await dialog.getByRole('combobox', { name: 'Add tags' }).fill('together ');
  await dialog.getByRole('combobox', { name: 'Give to' }).click();
  await page.getByTitle('olga').click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
  for (const o of orders) {
    const now = await hub.call<Order>('GET', `/orders/${o.number}`);
    expect(now).toMatchObject({ tags: ['together'], assignee: 'olga' });
  }
});

test('units are taken out after a question, and the shop’s order goes on', async ({ hub, open }) => {
  const order = await place(hub, 'e2e-units', 3);
  const page = await open(`/orders/${order.number}`);
  await page.getByRole('dialog').getByRole('button', { name: 'Take units out' }).click();
  const ask = page.getByRole('dialog', { name: 'Which units are not coming?' });
  await expect(ask.getByRole('button', { name: /Take 0 units/ })).toBeDisabled();
  await ask.getByRole('spinbutton').fill('3');
  await expect(ask.getByText('the whole order will be cancelled')).toBeVisible();
  await ask.getByRole('spinbutton').fill('1');
  await ask.getByRole('button', { name: 'Take 1 unit out' }).click();
  await expect(ask).toBeHidden();
  await expect(page.getByText(/Taken out: Teapot, 1 unit/)).toBeVisible();
  const now = await hub.call<Order>('GET', `/orders/${order.number}`);
  expect(now.units).toBe(2);
  expect(now.removed).toHaveLength(1);
});

test('who may only look sees marks and can change none', async ({ browser, hub }) => {
  const order = await place(hub, 'e2e-look', 2);
  await hub.call('PUT', `/orders/${order.number}/tags/seen`);
  const who = await user(hub, 'viewer', 'looker');
  const context = await browser.newContext();
  await enter(hub, context, who.login, who.password);
  const page = await context.newPage();
  await page.goto(`${hub.url}/orders/${order.number}`);
  const card = page.getByRole('dialog');
  await expect(card.getByText('seen', { exact: true })).toBeVisible();
  await expect(card.getByRole('combobox', { name: 'Add tags' })).toHaveCount(0);
  await expect(card.getByRole('button', { name: 'Take units out' })).toHaveCount(0);
  await context.close();
});
