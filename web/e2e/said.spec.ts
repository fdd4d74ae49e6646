// The hub's sentences in the reader's language, and a quiet console.
import en from '../src/shell/locales/hub.en.json' with { type: 'json' };
import ru from '../src/shell/locales/hub.ru.json' with { type: 'json' };
import texts from '../src/shell/locales/ru.json' with { type: 'json' };
import { teller } from '../src/shell/said';
import { expect, place, settled, test } from './hub';

const word = (group: string, value: string) => (texts as Record<string, string>)[`${group}.${value}`] ?? value;
const russian = teller('ru', ru, word);
const english = teller('en', en, (_, v) => v);

for (const [said, want] of [
  ['set short: 1 unit short', 'Поставлено «Не хватает»: нехватка: 1 единица'],
  ['set short: 3 units short', 'Поставлено «Не хватает»: нехватка: 3 единицы'],
  ['set manual: the buyer called', 'Поставлено «На паузе»: the buyer called'],
  ['5 units to be taken out: the buyer called', 'Убрать из заказа: 5 единиц: the buyer called'],
  ['changed: lines, total; 1 unit out of the order', 'Изменилось: товары, сумма; из заказа ушло: 1 единица'],
  ['return R-1: announced → on_the_way (refused)', 'Возврат R-1: Заявлен → В пути (Невыкуп)'],
  ['return R-1: received: 2 of 3 units here: a box is torn', 'Возврат R-1: Получен: на месте 2, всего 3 единицы: a box is torn'],
  ['decision on return R-1: write_off: cracked', 'Решение по возврату R-1: Списать: cracked'],
  ['order 100021 is shipped and cannot become new from there; possible now: delivered, cancelled', 'Заказ 100021 в статусе «Отгружен», перевести его в «Новый» нельзя; сейчас можно: Доставлен, Отменён'],
  ['given up after 12 attempts: no answer in time', 'Прекращено, 12 попыток: ответ не пришёл вовремя'],
  ['lines[0].sku: is missing', 'Lines[0].sku: не указано'],
  ['the channel answered: Ozon answered: NOT TODAY', 'Площадка ответила: Ozon ответил: «NOT TODAY»'],
  ['Покупатель попросил, he said', 'Покупатель попросил, he said'],
] as const) {
  test(`in Russian: ${said}`, () => { expect(russian(said)).toBe(want); });
}

test('what 1C is told, in English', () => {
  expect(english('Сначала площадка должна ответить на шаг confirmed; потом хаб продолжит сам.')).toBe('The channel must answer the step “confirmed” first; then the hub goes on by itself.');
  expect(english('A-1: 2 вместо 3; B: 1 вместо 5')).toBe('A-1: 2 instead of 3; B: 1 instead of 5');
  expect(english('В архиве больше 1 файлов.')).toBe('More than 1 file in the archive.');
});

// What a page says without its inputs, tags of codes, and what people and channels wrote.
test('a card and a refusal in Russian', async ({ open, hub, page }) => {
  await page.addInitScript(() => localStorage.setItem('orderhub.language', 'ru'));
  const { number } = await place(hub, 'SAID-1', 3);
  await open(`/orders/${number}`);
  await settled(page);
  const card = page.locator('.order-drawer');
  await expect(card.getByText('Впервые увиден: API')).toBeVisible();
  await expect(card.getByText(/Поставлено «На паузе»: e2e/)).toBeVisible();
  await page.goto(`${hub.url}/orders/1`);
  await expect(page.getByText('Нет заказа 1')).toBeVisible();
});

test('nothing stands in the console at a first load and after signing in', async ({ hub, browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const told: string[] = [];
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') told.push(m.text()); });
  page.on('pageerror', (e) => told.push(e.message));
  await page.goto(hub.url);
  await page.getByLabel('Login').fill(hub.login);
  await page.getByLabel('Password', { exact: true }).fill(hub.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();
  await settled(page);
  for (const path of ['/today', '/stock', '/orders']) {
    await page.goto(hub.url + path);
    await settled(page);
  }
  expect(told).toEqual([]);
  await context.close();
});
