// Goods that come back: linked, received in parts, decided, and answered so that the
// market agrees.
import AxeBuilder from '@axe-core/playwright';
import { begin, end, enter, expect, sim, test, type Hub } from './hub';

interface Return {
  id: number;
  number?: number;
  external_id: string;
  state: string;
  units_here: number;
  waiting?: boolean;
  goods: { sku: string; restocked: number; quarantined: number; written_off: number }[];
  decisions: { decision: string; photos?: number[]; why?: string }[];
  pictures: { id: number; width: number }[];
}

// comeBack lets the shop tell of goods on their way back.
async function comeBack(hub: Hub, id: string, order: string, units: number) {
  await hub.call('POST', '/accounts/shop/orders', { return: { id, order_id: order, state: 'on_the_way', version: 1, kind: 'customer', currency: 'RUB', refund: '100.00', lines: [{ sku: 'E2E-R', name: 'Teapot', quantity: units }] } });
  const { returns } = await hub.call<{ returns: Return[] }>('GET', '/returns?account=shop&limit=200');
  return returns.find((r) => r.external_id === id)?.id ?? 0;
}

test('a return without its order: found, linked, received in parts', async ({ hub, open }) => {
  const order = await hub.call<{ number: number }>('POST', '/accounts/shop/orders', { id: 'e2e-sold', status: 'new', currency: 'RUB', lines: [{ sku: 'E2E-R', name: 'Teapot', qty: 3, price: '100.00' }] });
  const id = await comeBack(hub, 'e2e-back', 'e2e-not-there', 3);
  const page = await open(`/returns/${id}`);
  const card = page.getByRole('dialog').first();
  await expect(card).toContainText('The order of this return is not known');
  const desk = page.viewportSize()!;
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(card).toContainText('Teapot');
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  expect(violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
  await page.setViewportSize(desk);
  await card.getByRole('button', { name: 'Link to an order' }).click();
  const link = page.getByRole('dialog', { name: 'To which order does it belong?' });
  await link.getByRole('textbox').fill('e2e-sold');
  await link.getByRole('radio', { name: String(order.number) }).check();
  await link.getByRole('button', { name: 'Link', exact: true }).click();
  await expect(card.getByRole('link', { name: String(order.number) })).toBeVisible();
  await card.getByRole('button', { name: 'Goods are here' }).click();
  const receive = page.getByRole('dialog', { name: 'What came?' });
  await receive.getByRole('spinbutton').fill('1');
  await expect(receive.getByText('2 units will still come')).toBeVisible();
  await receive.getByRole('button', { name: 'Take in' }).click();
  await expect(card.getByRole('button', { name: '2 units to come' })).toBeVisible();
  expect(await hub.call<Return>('GET', `/returns/${id}`)).toMatchObject({ units_here: 1, number: order.number, state: 'received' });
});

test('goods without an order are taken in as a product, and decided with photos', async ({ hub, open }) => {
  await hub.call('PUT', '/products/E2E-R', { name: 'Teapot' });
  const id = await comeBack(hub, 'e2e-loose', 'e2e-nowhere', 2);
  const page = await open(`/returns/${id}`);
  const card = page.getByRole('dialog').first();
  await card.getByRole('button', { name: 'Goods are here' }).click();
  const receive = page.getByRole('dialog', { name: 'What came?' });
  await receive.getByRole('combobox').fill('E2E-R');
  await page.getByTitle('E2E-R · Teapot').click();
  const picture = (name: string, buffer: Buffer) => ({ name, mimeType: 'image/jpeg', buffer });
  const real = await page.screenshot({ type: 'jpeg' });
  await receive.locator('input[multiple]').setInputFiles([picture('box.jpg', real), picture('note.jpg', Buffer.from('no picture'))]);
  await expect(receive.getByRole('alert').filter({ hasText: 'note.jpg: cannot be read as a photo' })).toBeVisible();
  await expect(receive.getByRole('checkbox', { name: 'Use photo 1' })).toBeChecked();
  const small = receive.getByRole('img', { name: 'Photo 1 of the goods' });
  await expect.poll(() => small.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(320);
  await receive.getByRole('button', { name: 'Take in' }).click();
  await card.getByRole('button', { name: /What becomes of E2E-R/ }).click();
  const decide = page.getByRole('dialog', { name: /What becomes of E2E-R/ });
  await decide.getByRole('radio', { name: 'Write off' }).check();
  await decide.getByRole('spinbutton').fill('1');
  await decide.getByRole('button', { name: 'Decide' }).click();
  await expect(decide.getByText('Please fill this in')).toBeVisible(); // why is asked for
  await decide.getByLabel('Why').fill('cracked spout');
  // Two more; one of them is looked at, and deleted.
  await decide.locator('input[multiple]').setInputFiles([picture('spout.jpg', await decide.screenshot({ type: 'jpeg' })), picture('blurred.jpg', await card.screenshot({ type: 'jpeg' }))]);
  await expect(decide.getByRole('checkbox', { name: 'Use photo 1' })).not.toBeChecked(); // it was used for the receipt
  await decide.getByRole('button', { name: 'Photo 3 of the goods' }).click();
  const big = page.getByRole('dialog', { name: 'Photo 3 of 3' });
  await big.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Delete' }).click();
  await expect(decide.getByRole('checkbox')).toHaveCount(2);
  await decide.getByRole('button', { name: 'Decide' }).click();
  await expect(decide).toBeHidden();
  const now = await hub.call<Return>('GET', `/returns/${id}`);
  expect(now.goods).toMatchObject([{ sku: 'E2E-R', restocked: 1, written_off: 1 }]);
  expect(now.pictures).toHaveLength(2);
  expect(now.decisions.at(-1)).toMatchObject({ decision: 'write_off', photos: [now.pictures[1]?.id], why: 'cracked spout' });
  // By the decision, and in the history.
  await expect(card.getByRole('listitem').filter({ hasText: 'cracked spout' }).getByRole('img', { name: 'Photo 1 of the goods' })).toHaveCount(2);
});

test('a claim is answered, and the market’s own books agree', async ({ page }) => {
  // Somebody must have bought, packed and delivered: a demo that lives. Its people
  // leave alone what somebody has taken.
  const { hub, child } = await begin(true);
  try {
    await enter(hub, page.context());
    let order = { number: 0, external_id: '' };
    await expect(async () => {
      const { orders } = await hub.call<{ orders: (typeof order)[] }>('GET', '/orders?channel=wildberries&status=delivered&limit=1');
      order = orders[0] ?? order;
      expect(order.number).toBeGreaterThan(0);
    }).toPass({ timeout: 60_000 });
    await hub.call('PUT', `/orders/${order.number}/assignee`, { assignee: hub.login });
    await sim(hub.sims, `wildberries/orders/${order.external_id}/act`, { act: 'return' });
    let claim: Return | undefined;
    await expect(async () => {
      claim = (await hub.call<{ returns: Return[] }>('GET', `/returns?order=${order.number}`)).returns.find((r) => r.waiting);
      expect(claim).toBeDefined();
    }).toPass({ timeout: 60_000 });
    await page.goto(`${hub.url}/returns/${claim?.id}`);
    const card = page.getByRole('dialog').first();
    await card.getByRole('button', { name: 'Answer', exact: true }).click();
    const answer = page.getByRole('dialog', { name: 'Answer the channel' });
    await answer.getByRole('radio').first().check();
    const comment = answer.getByLabel('Comment');
    if (await comment.count()) await comment.fill('agreed');
    await answer.getByRole('button', { name: 'Send' }).click();
    await expect(answer).toBeHidden();
    await expect(card.getByRole('button', { name: 'Answer', exact: true })).toBeHidden({ timeout: 60_000 });
    await expect(async () => {
      const books = await sim<{ id: string; order: string; answers?: unknown[] }[]>(hub.sims, 'wildberries/returns');
      expect(books.filter((r) => r.id === claim?.external_id).flatMap((r) => r.answers ?? []), JSON.stringify(books.filter((r) => r.order === order.external_id))).toHaveLength(1);
    }).toPass({ timeout: 15_000 });
  } finally {
    await end(child);
  }
});
