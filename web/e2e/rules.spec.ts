// Automation rules: written, tried on the past, switched on, seen at work.
import { expect, place, test } from './hub';

test('a rule is written, tried on the past, switched on, and fires', async ({ hub, open }) => {
  await place(hub, 'e2e-rule-past', 7);
  const page = await open('/rules/new');
  const editor = page.getByRole('dialog');
  await editor.getByLabel('Name').fill('Seven teapots');
  await editor.getByLabel('If').fill('units == 7 and colour == "red"');
  await editor.getByPlaceholder('Tag').fill('pair');
  await editor.getByRole('button', { name: 'Save' }).click();
  await expect(editor.getByText('colour')).toHaveCount(2); // refused beside the field
  await editor.getByLabel('If').fill('channel == "site" and units == 7 and "E2E-1" in skus');
  await editor.getByRole('button', { name: 'Try, changing nothing' }).click();
  await expect(editor.getByText('It would have fired 1 time')).toBeVisible();
  await editor.getByRole('button', { name: 'Save' }).click();
  await expect(page).toHaveURL(/\/rules\/\d+$/);
  await page.getByRole('switch', { name: 'Rule is on' }).click();
  await expect(page.getByRole('switch', { name: 'Rule is on' })).toBeChecked();
  const order = await place(hub, 'e2e-rule-now', 7);
  await expect(page.getByRole('dialog').getByRole('link', { name: String(order.number) })).toBeVisible({ timeout: 60_000 });
  await open(`/orders/${order.number}`);
  await expect(page.getByRole('dialog').getByText('Add a tag: pair')).toBeVisible();
  expect(await hub.call('GET', `/orders/${order.number}`)).toMatchObject({ tags: ['pair'] });
});

test('a text of messages is replaced and brought back', async ({ hub, open }) => {
  const page = await open('/notify?view=texts');
  await page.getByRole('button', { name: 'Change: A new order came' }).click();
  const dialog = page.getByRole('dialog');
  const text = dialog.getByRole('textbox', { name: 'Text' });
  await text.fill('{{define "one"}}E2E {{.Oops}}{{end}}{{define "many"}}x{{end}}');
  await dialog.getByRole('button', { name: 'Show an example' }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  await text.fill('{{define "one"}}E2E order {{.First.Number}}{{end}}{{define "many"}}E2E {{.Count}} orders{{end}}');
  await dialog.getByRole('button', { name: 'Show an example' }).click();
  await expect(dialog.getByText('E2E 12 orders')).toBeVisible();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('own text')).toBeVisible();
  const own = async () => (await hub.call<{ templates: { own: boolean }[] }>('GET', '/notify/templates')).templates.filter((x) => x.own).length;
  expect(await own()).toBe(1);
  await page.getByRole('button', { name: 'Change: A new order came' }).click();
  await dialog.getByRole('button', { name: 'Back to the built-in' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Back to the built-in' }).click();
  await expect(dialog).toBeHidden();
  expect(await own()).toBe(0);
});
