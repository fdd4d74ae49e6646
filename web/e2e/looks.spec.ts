// The same pages in both languages, both looks and both widths: the pictures lie
// in test-results for people to look at, and what a person would see at once is asked.
import { expect, settled, test } from './hub';

const pages = ['/today', '/orders', '/orders/100001', '/returns?view=all', '/stock'];
const months = { ru: /\d{1,2} (янв|февр|мар|апр|мая|июн|июл|авг|сент|окт|нояб|дек)/, en: /\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)/ };
const money = { ru: /\d+,\d{2}\s₽/, en: /₽\d+\.\d{2}/ };

for (const width of ['desktop', 'phone'] as const) {
  for (const lang of ['ru', 'en'] as const) {
    test(`${lang} on a ${width}, light and dark`, async ({ open, page }, info) => {
      if (width === 'phone') await page.setViewportSize({ width: 390, height: 844 });
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await page.addInitScript((l) => localStorage.setItem('orderhub.language', l), lang);
      for (const path of pages) {
        await open(path);
        await settled(page);
        expect(await page.evaluate(() => document.documentElement.lang)).toBe(lang);
        const text = await page.locator('body').innerText();
        expect.soft(text, path).not.toMatch(/undefined|NaN|Invalid Date|\[object|\{\{/);
        expect.soft(text, `${path}: a text without its words`).not.toMatch(/\b(nav|orders|order|today|stock|returns|state|status|col|hold)\.[a-z]\w+\b/);
        if (path === '/orders/100001') {
          expect.soft(text, 'dates').toMatch(months[lang]);
          expect.soft(text, 'money').toMatch(money[lang]);
          expect.soft(/[а-яё]/i.test(await page.locator('.ant-drawer-body h3').allInnerTexts().then((all) => all.join(' '))), 'headings').toBe(lang === 'ru');
        }
        expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${path} is too wide`).toBeLessThanOrEqual(0);
        for (const look of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme: look, reducedMotion: 'reduce' });
          const ground = () => page.evaluate(() => Math.max(...(getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? []).slice(0, 3).map(Number)));
          if (look === 'dark') await expect.poll(ground).toBeLessThan(60);
          else await expect.poll(ground).toBeGreaterThan(200);
          await page.screenshot({ path: info.outputPath(`${path.replace(/\W+/g, '-').replace(/^-/, '')}-${look}.png`) });
        }
      }
    });
  }
}
