// From an empty hub to the first order: everything in the browser.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { binary, buy, end, expect, listen, test } from './hub';

// markets starts the simulators alone and reads with which settings one connects.
async function markets(child: ChildProcess) {
  const settings: Record<string, string> = {};
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const words = /account add \S+ ozon (.*)$/.exec(line)?.[1]?.split(' ') ?? [];
      for (const w of words) settings[w.slice(0, w.indexOf('='))] = w.slice(w.indexOf('=') + 1);
    });
  }
  const [sims = ''] = await listen(child, [/control API at (\S+)/, /account add \S+ (ozon) /]);
  return { sims, settings };
}

test('first start: the first user, the first account through the wizard, the first orders', async ({ page }) => {
  const dir = mkdtempSync(join(tmpdir(), 'orderhub-e2e-'));
  const sims = spawn(binary, ['sim', '--addr', '127.0.0.1:0', '--quotas', '10'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--proxies', '10.0.0.0/8', '--database', join(dir, 'hub.db')], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const [market, [setup = '']] = await Promise.all([markets(sims), listen(child, [/first user here: (\S+)/, /orderhub is ready.*?(127\.0\.0\.1:\d+)/])]);
    const id = await buy(market.sims, 'ozon', 'KR-002');
    await page.goto(setup);
    await page.getByLabel('Name').fill('Vera');
    await page.getByLabel('Login').fill('vera');
    await page.getByLabel('Password', { exact: true }).fill('long enough, this one');
    await page.getByRole('button', { name: 'Begin' }).click();
    await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();

    await page.getByRole('navigation').getByRole('link', { name: 'Accounts' }).click();
    await page.getByRole('button', { name: 'Connect a channel' }).first().click();
    const wizard = page.getByRole('dialog');
    await wizard.getByRole('button', { name: 'Ozon' }).click();
    await wizard.getByLabel('Client ID').fill('not a number');
    await wizard.getByLabel('API key').fill(market.settings.api_key ?? '');
    await wizard.getByRole('button', { name: 'Connect' }).click();
    await expect(wizard.locator('.ant-form-item-explain-error').first()).toBeVisible();
    await wizard.getByLabel('Client ID').fill(market.settings.client_id ?? '');
    await wizard.getByRole('button', { name: 'More settings' }).click();
    await wizard.getByLabel('Base URL').fill(market.settings.base_url ?? '');
    await wizard.getByLabel('Warehouse for stock').fill(market.settings.warehouse_id ?? '');
    await wizard.getByRole('button', { name: 'Connect' }).click();
    await expect(wizard.getByText('The keys work')).toBeVisible();
    await wizard.getByRole('button', { name: 'Done' }).click();

    await page.getByRole('dialog').getByRole('link', { name: 'Its orders' }).click();
    await expect(page.locator('tbody tr[data-row-key]').filter({ hasText: id })).toBeVisible({ timeout: 60_000 });
  } finally {
    await Promise.all([end(child), end(sims)]);
    rmSync(dir, { recursive: true, force: true });
  }
});
