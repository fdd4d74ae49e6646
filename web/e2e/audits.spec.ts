// Is every order here? An order that the hub did not hear of is named and brought in.
import { buy, come, expect, test } from './hub';

interface Orders { orders: { external_id: string }[] }

test('an order that was never told is found missing, read again, and proven to be here', async ({ hub, open }) => {
  // While an account is paused the hub neither asks nor listens: the market sells, and nobody is told.
  await hub.call('PATCH', '/accounts/ozon-main', { state: 'paused' });
  try {
    const id = await buy(hub.sims, 'ozon', 'KR-002');
    const page = await open('/audits?account=ozon-main');
    await page.getByRole('button', { name: 'Compare days' }).click();
    const ask = page.getByRole('dialog', { name: 'Compare days' });
    await expect(ask).toContainText('Nothing is changed');
    await ask.getByRole('button', { name: 'Compare', exact: true }).click();
    await expect(page.getByText(/1 of \d+ orders is not in the hub/)).toBeVisible();
    await expect(page.getByRole('heading', { name: '1 order is missing' })).toBeVisible();
    expect((await hub.call<Orders>('GET', `/orders?q=${id}`)).orders).toEqual([]);

    const row = page.locator('tbody tr[data-row-key]').filter({ hasText: 'Orders missing' });
    await expect(row).toHaveCount(1);
    await row.click();
    const found = page.locator('.ant-table-expanded-row');
    await expect(found).toContainText(id);
    await expect(found).toContainText('has never had an answer about it');
    await found.getByRole('button', { name: 'Read this day again' }).click();
    await expect(page.getByText(/Read again: \d+\. New or changed: 1;/)).toBeVisible();
    await expect(page.getByText(/1 list compared: all \d+ orders of the channel are in the hub/)).toBeVisible();
    await expect(page.getByRole('heading', { name: 'Nothing was lost' })).toBeVisible();

    const number = await come(hub, 'ozon-main', id);
    await page.goto(`${hub.url}/orders/${number}`);
    await expect(page.getByRole('dialog')).toContainText(`Order ${number}`);
  } finally {
    await hub.call('PATCH', '/accounts/ozon-main', { state: 'active' });
  }
});

test('orders are read again by their ids, and what the channel does not show is said', async ({ open }) => {
  const page = await open('/audits');
  await page.getByRole('button', { name: 'Read again' }).click();
  const ask = page.getByRole('dialog', { name: 'Read again' });
  await ask.getByText('Single orders').click();
  await ask.getByLabel("The channel's ids of the orders").fill('00000000-0000-1');
  await ask.getByRole('button', { name: 'Read again', exact: true }).click();
  await expect(page.getByText('1 order is not shown by the channel:')).toBeVisible();
  await expect(page.locator('#main')).toContainText('00000000-0000-1');
  // The shop sends its orders itself: it is named among those that are not compared.
  await expect(page.getByText(/Not compared: .*They give no list/)).toBeVisible();
});
