// Exchanges with 1C: added, and gone again.
import { enter, expect, test, user } from './hub';

test('an exchange with 1C is added, shows its password once, and is removed after a question', async ({ browser, hub, open }) => {
  const who = await user(hub, 'manager', 'nosy');
  const context = await browser.newContext();
  await enter(hub, context, who.login, who.password);
  const other = await context.newPage();
  await other.goto(`${hub.url}/orders`);
  await expect(other.getByRole('navigation').getByRole('link', { name: 'Orders' })).toBeVisible();
  await expect(other.getByRole('navigation').getByRole('link', { name: '1C' })).toHaveCount(0); // there is none yet
  const page = await open('/onec');
  await page.getByRole('button', { name: 'Add an exchange' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill('E2E UT');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('the password is not shown again')).toBeVisible();
  await page.getByRole('button', { name: 'Close', exact: true }).last().click();
  await expect(page.getByText('Hub and 1C agree.')).toBeVisible();
  await other.reload();
  await other.getByRole('navigation').getByRole('link', { name: '1C' }).click();
  await expect(other.getByRole('heading', { name: 'E2E UT' })).toBeVisible();
  await expect(other.getByRole('button', { name: 'Remove' })).toHaveCount(0);
  await context.close();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('No exchange with 1C yet')).toBeVisible();
  expect(await hub.call('GET', '/onec/nodes')).toMatchObject({ nodes: [] });
});
