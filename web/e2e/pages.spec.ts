import AxeBuilder from '@axe-core/playwright';
import { expect, test } from './hub';

const pages = [
  '/orders', '/today', '/returns?view=all', '/customers', '/customers?view=suggestions', '/stock', '/products', '/listings?unmatched=0', '/accounts', '/accounts/ozon-main',
  '/onec', '/troubles?view=rejected', '/troubles?view=quarantine', '/rules', '/rules/new', '/rules?view=firings', '/notify', '/notify?view=recipients', '/notify?view=texts',
];

for (const look of ['light', 'dark']) {
  test(`axe finds nothing serious, ${look}`, async ({ open, page }) => {
    test.setTimeout(300_000);
    await page.emulateMedia({ reducedMotion: 'reduce' }); // colours that are on their way to others are none
    await page.addInitScript((l) => localStorage.setItem('orderhub.look', l), look);
    const bad: string[] = [];
    for (const path of look === 'light' ? pages : ['/orders', '/today', '/stock', '/accounts/ozon-main', '/notify', '/customers']) {
      await open(path);
      await page.waitForTimeout(1000); // what is loading comes in
      const axe = new AxeBuilder({ page });
      // The second look differs in its colours alone.
      const found = await (look === 'light' ? axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']) : axe.withRules(['color-contrast'])).analyze();
      for (const v of found.violations.filter((x) => x.impact === 'serious' || x.impact === 'critical')) {
        bad.push(`${path}: ${v.id} at ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.any[0]?.message ?? ''})`).join(' and ')}`);
      }
    }
    expect(bad).toEqual([]);
  });
}

test('Russian, on a phone: nothing is wider than the screen', async ({ open, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.addInitScript(() => localStorage.setItem('orderhub.language', 'ru'));
  for (const path of pages) {
    await open(path);
    await page.waitForTimeout(800);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wide, path).toBeLessThanOrEqual(0);
  }
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Уведомления');
});

test('the language is switched at once', async ({ open }) => {
  const page = await open('/orders');
  await page.getByRole('button', { name: 'Language' }).click();
  await page.getByRole('menuitem', { name: 'Русский' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Заказы');
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('ru');
});

test('an account is added through the wizard, and a wrong key is told at its field', async ({ open }) => {
  const page = await open('/accounts');
  await page.getByRole('button', { name: 'Connect a channel' }).click();
  const wizard = page.getByRole('dialog');
  await wizard.getByRole('button', { name: 'Ozon' }).click();
  await wizard.getByLabel('Client ID').fill('not a number');
  await wizard.getByLabel('API key').fill('12345678-aaaa-bbbb-cccc-1234567890ab');
  await wizard.getByLabel('Short name').fill('ozon-second');
  await wizard.getByRole('button', { name: 'Connect' }).click();
  await expect(wizard.locator('.ant-form-item-explain-error').first()).toBeVisible();
  await wizard.getByLabel('Client ID').fill('123456');
  await wizard.getByRole('button', { name: 'Connect' }).click();
  await expect(wizard.getByText(/keys/i).first()).toBeVisible();
});

test('an address that is no page', async ({ open, hub, page }) => {
  const answer = await page.request.get(`${hub.url}/nothing`);
  expect(answer.status()).toBe(404);
  await open('/orders/1');
  await expect(page.getByText('There is nothing here')).toBeVisible();
});
