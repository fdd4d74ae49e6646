// Programs outside, against a real receiver on this machine.
import { createHmac } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { enter, expect, place, test, user } from './hub';

interface Message {
  id: string;
  body: string;
  signed: (secret: string) => boolean;
}

// listen starts a receiver that answers what it is told to.
async function listen() {
  const got: Message[] = [];
  const receiver = { status: 200, got, url: '', close: () => {} };
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (part: Buffer) => { body += part.toString(); });
    req.on('end', () => {
      const id = String(req.headers['webhook-id']);
      const sum = (secret: string) => createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64')).update(`${id}.${String(req.headers['webhook-timestamp'])}.${body}`).digest('base64');
      got.push({ id, body, signed: (secret) => String(req.headers['webhook-signature']).split(' ').includes(`v1,${sum(secret)}`) });
      res.statusCode = receiver.status;
      res.end('seen by anna@example.com');
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  receiver.close = () => { server.close(); server.closeAllConnections(); };
  return receiver;
}

test('an endpoint is added, tested, told, fails and recovers, gets a new secret, and is removed', async ({ hub, open }) => {
  const receiver = await listen();
  const page = await open('/integrations');
  await page.getByRole('button', { name: 'Add an endpoint' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('textbox', { name: 'Name' }).fill('E2E WMS');
  await form.getByRole('textbox', { name: 'Address' }).fill('erp');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByText('Want an address like')).toBeVisible();
  await form.getByRole('textbox', { name: 'Address' }).fill('https://192.168.7.7/hook');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByText('192.168.7.7 is not a public address')).toBeVisible(); // the hub's own refusal, at its field
  await form.getByRole('textbox', { name: 'Address' }).fill(receiver.url);
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('the secret is not shown again')).toBeVisible();
  const secret = await page.locator('.ant-modal').getByText(/^whsec_/).innerText();
  await page.getByRole('button', { name: 'Close', exact: true }).last().click();

  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await expect(page.getByText('The receiver took the test: 200')).toBeVisible();
  expect(receiver.got[0]?.signed(secret.trim())).toBe(true);

  // One is taken, then the receiver breaks.
  await place(hub, 'e2e-hook-1');
  await page.getByRole('link', { name: 'Deliveries' }).click();
  const row = page.getByRole('row', { name: /Received/ }).first();
  await expect(row).toContainText('delivered');
  receiver.status = 503;
  const broken = await place(hub, 'e2e-hook-2');
  await expect(page.getByText('the receiver answered 503').first()).toBeVisible();
  await expect(page.getByText('Does not answer')).toBeVisible();
  await page.getByRole('radio', { name: 'waiting' }).locator('..').click();
  await expect(page).toHaveURL(/state=pending/);
  await expect(page.getByRole('link', { name: String(broken.number) }).first()).toBeVisible();
  receiver.status = 200;
  await expect(page.getByText('Nothing of this kind')).toBeVisible();
  await expect(page.getByText('Works', { exact: true })).toBeVisible();

  // What was told, behind a fold, and once more under the same id.
  await page.getByRole('radio', { name: 'delivered' }).locator('..').click();
  await page.getByRole('button', { name: /Expand/ }).first().click();
  await expect(page.getByLabel('Message', { exact: true })).toContainText('"type": "order.');
  await expect(page.getByLabel('Answer of the receiver')).toHaveText('seen by •••');
  const before = receiver.got.length;
  await page.getByRole('button', { name: 'Send again' }).first().click();
  await expect.poll(() => receiver.got.length).toBe(before + 1);
  const last = receiver.got.at(-1);
  expect(receiver.got.filter((m) => m.id === last?.id).length).toBeGreaterThan(1);

  // The new secret signs, and so does the old one for a while.
  await page.getByRole('button', { name: 'New secret' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'New secret' }).click();
  await expect(page.getByText('the secret is not shown again')).toBeVisible();
  const fresh = await page.locator('.ant-modal').getByText(/^whsec_/).innerText();
  await page.getByRole('button', { name: 'Close', exact: true }).last().click();
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await expect.poll(() => receiver.got.at(-1)?.body).toContain('"ping"');
  expect(receiver.got.at(-1)?.signed(fresh.trim()) && receiver.got.at(-1)?.signed(secret.trim())).toBe(true);

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('Paused')).toBeVisible();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('Nobody is told by webhook yet')).toBeVisible();
  expect(await hub.call('GET', '/endpoints')).toMatchObject({ endpoints: [] });
  receiver.close();
});

test('all that was given up is sent again after a question', async ({ hub, open, page }) => {
  const receiver = await listen();
  await hub.call('POST', '/endpoints', { name: 'E2E dead', url: receiver.url });
  // Hours would pass until the hub gives one up: only the count is invented here.
  await page.route('**/api/v1/endpoints', async (route) => {
    const answer = await route.fetch();
    const body = (await answer.json()) as { endpoints: { dead: number }[] };
    for (const e of body.endpoints) e.dead = 2;
    await route.fulfill({ response: answer, json: body });
  });
  await open('/integrations');
  await expect(page.getByText('Some given up')).toBeVisible();
  const asked = page.waitForRequest((r) => r.url().endsWith('/redeliver'));
  await page.getByRole('button', { name: 'Send all 2 again' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Send again' }).click();
  expect((await asked).postDataJSON()).toEqual({ dead: true });
  await expect(page.getByText('0 events will be sent again')).toBeVisible();
  const { endpoints } = await hub.call<{ endpoints: { id: number }[] }>('GET', '/endpoints');
  for (const e of endpoints) await hub.call('DELETE', `/endpoints/${e.id}`);
  receiver.close();
});

test('a reader of the feed is added, shown with its lag, moved, and forgotten', async ({ hub, open }) => {
  const page = await open('/integrations?view=feed');
  await page.getByRole('button', { name: 'Add a reader' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('textbox', { name: 'Name' }).fill('E2E');
  await expect(form.locator('.ant-form-item-explain-error')).toBeVisible();
  await form.getByRole('textbox', { name: 'Name' }).fill('e2e-erp');
  await form.getByRole('button', { name: 'Save' }).click();
  const row = page.getByRole('row', { name: /e2e-erp/ });
  await expect(row).toContainText('not yet');
  const feed = await hub.call<{ next: string }>('GET', '/feed?consumer=e2e-erp&limit=1');
  await hub.call('POST', '/feed/consumers/e2e-erp/ack', { position: feed.next });
  await expect(row.getByRole('cell', { name: feed.next, exact: true })).toBeVisible();
  await row.getByRole('button', { name: 'Move', exact: true }).click();
  await page.getByRole('radio', { name: 'At the end: leave out' }).check();
  await page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
  await expect(row).toContainText('Up to date');
  await row.getByRole('button', { name: 'Move', exact: true }).click();
  await page.getByRole('radio', { name: 'From the beginning' }).check();
  await page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
  await expect(row.getByRole('cell', { name: '0', exact: true })).toBeVisible();
  await row.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('Nobody reads the feed yet')).toBeVisible();
  expect(await hub.call('GET', '/feed/consumers')).toMatchObject({ consumers: [] });
});

test('files are exchanged with a folder; bad rows are told, and others may only look', async ({ browser, hub, open }) => {
  const page = await open('/integrations?view=files');
  await page.getByRole('button', { name: 'Add an exchange' }).click();
  const form = page.getByRole('dialog');
  await form.getByRole('textbox', { name: 'Name' }).fill('E2E files');
  await form.getByLabel('Folder', { exact: true }).fill('../outside');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.locator('.ant-form-item-explain-error')).toBeVisible();
  await form.getByLabel('Folder', { exact: true }).fill('wms');
  await form.getByLabel('Every, minutes').fill('1');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name: 'E2E files' })).toBeVisible();
  const looked = async () => (await hub.call<{ exchanges: { id: number; ran_at?: string }[] }>('GET', '/file-exchanges')).exchanges[0];
  await expect.poll(async () => (await looked())?.ran_at).toBeTruthy();
  const file = join(hub.files, 'wms', 'in', 'status-1.csv');
  writeFileSync(file, 'number,status\nnonsense,packed\n');
  utimesSync(file, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000)); // a young file may still be written
  await expect(page.getByRole('row', { name: /status-1.csv/ })).toContainText('taken', { timeout: 30_000 });
  await page.getByRole('row', { name: /status-1.csv/ }).getByRole('button', { name: /Expand/ }).click();
  await expect(page.getByText('line 2 · number · "nonsense" is no order number')).toBeVisible();

  const who = await user(hub, 'viewer', 'onlooker');
  const context = await browser.newContext();
  await enter(hub, context, who.login, who.password);
  const other = await context.newPage();
  await other.goto(`${hub.url}/integrations?view=files`);
  await expect(other.getByRole('heading', { name: 'E2E files' })).toBeVisible();
  await expect(other.getByRole('button', { name: 'Remove' })).toHaveCount(0);
  await expect(other.getByRole('navigation').getByRole('link', { name: 'Integrations' })).toHaveCount(0);
  await context.close();

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('Paused')).toBeVisible();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('No files are exchanged yet')).toBeVisible();
});
