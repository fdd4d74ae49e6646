import AxeBuilder from '@axe-core/playwright';
import { expect, settled, test } from './hub';

const pages = [
  '/orders', '/today', '/returns?view=all', '/customers', '/customers?view=suggestions', '/stock', '/products', '/listings?unmatched=0', '/accounts', '/accounts/ozon-main', '/audits',
  '/onec', '/integrations', '/integrations?view=feed', '/integrations?view=files', '/troubles?view=rejected', '/troubles?view=quarantine', '/rules', '/rules/new', '/rules?view=firings', '/notify', '/notify?view=recipients', '/notify?view=texts', '/me', '/settings', '/tokens', '/orders/100001', '/stock/KR-002', '/users',
];

for (const look of ['light', 'dark']) {
  test(`axe finds nothing serious, ${look}`, async ({ open, page }) => {
    test.setTimeout(300_000);
    await page.emulateMedia({ reducedMotion: 'reduce' }); // colours that are on their way to others are none
    await page.addInitScript((l) => localStorage.setItem('orderhub.look', l), look);
    const bad: string[] = [];
    for (const path of look === 'light' ? pages : ['/orders', '/today', '/stock', '/accounts/ozon-main', '/audits', '/notify', '/customers']) {
      await open(path);
      await settled(page);
      const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).exclude('tbody > tr:nth-child(n+8)'); // rows are alike
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
    await settled(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wide, path).toBeLessThanOrEqual(0);
  }
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Сотрудники');
});

test('the language is switched at once', async ({ open }) => {
  const page = await open('/orders');
  await page.getByRole('button', { name: 'Language' }).click();
  await page.getByRole('menuitem', { name: 'Русский' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Заказы');
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('ru');
});

test('an address that is no page', async ({ open, hub, page }) => {
  const answer = await page.request.get(`${hub.url}/nothing`);
  expect(answer.status()).toBe(404);
  await open('/orders/1');
  await expect(page.getByText('There is nothing here')).toBeVisible();
});
