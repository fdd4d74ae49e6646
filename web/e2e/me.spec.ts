// One's own page: sessions, password, codes of an app; the hub's settings; and a
// sign-in provider.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { binary, end, enter, expect, listen, test, user } from './hub';

// code is what an app shows for a secret, steps of 30 s from now.
function code(secret: string, steps = 0): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/[^A-Z2-7]/g, '')].map((c) => letters.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = (mac[19] as number) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function signIn(page: Page, url: string, login: string, password: string) {
  await page.goto(`${url}/orders`);
  await page.getByLabel('Login').fill(login);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('codes of an app: switched on, asked for at the door, replaced by a recovery code, switched off', async ({ hub, page }) => {
  const who = await user(hub, 'manager', 'careful');
  await enter(hub, page.context(), who.login, who.password);
  await page.goto(`${hub.url}/me`);
  await page.getByRole('button', { name: 'Switch on' }).click();
  const first = page.getByRole('dialog');
  await first.getByLabel('Current password').fill('somebody passing by');
  await first.getByRole('button', { name: 'Switch on' }).click();
  await expect(first.getByRole('alert')).toBeVisible();
  await first.getByLabel('Current password').fill(who.password);
  await first.getByRole('button', { name: 'Switch on' }).click();
  await expect(page.getByRole('main').locator('.ant-qrcode svg')).toBeVisible();
  const secret = (await page.locator('.totp-secret').innerText()).trim();
  await page.getByLabel('Code from the app').fill('000000');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  await page.getByLabel('Code from the app').fill(code(secret));
  await page.getByRole('button', { name: 'Confirm' }).click();
  const listed = page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
  await expect(listed).toHaveCount(10);
  const spare = await listed.allInnerTexts();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await expect(page.getByRole('button', { name: 'Switch off' })).toBeVisible();

  await page.context().clearCookies();
  await signIn(page, hub.url, who.login, who.password);
  await page.getByLabel('Code from the app').fill('000000');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('Code from the app').fill(code(secret, 1)); // each counts once, and one step of a clock is forgiven
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();

  await page.context().clearCookies();
  await signIn(page, hub.url, who.login, who.password);
  await page.getByLabel('Code from the app').fill(spare[0] ?? '');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();
  await page.goto(`${hub.url}/me`);
  await page.getByRole('button', { name: 'Switch off' }).click();
  const question = page.getByRole('dialog');
  await question.getByLabel('Current password').fill('somebody passing by');
  await question.getByRole('button', { name: 'Switch off' }).click();
  await expect(question.getByRole('alert')).toBeVisible();
  await question.getByLabel('Current password').fill(who.password);
  await question.getByRole('button', { name: 'Switch off' }).click();
  await expect(page.getByRole('button', { name: 'Switch on' })).toBeVisible();
});

test('the others are signed out, and a changed password lets this one go on', async ({ hub, page, browser }) => {
  const who = await user(hub, 'viewer', 'tidy');
  const other = await browser.newContext();
  await enter(hub, other, who.login, who.password);
  await enter(hub, page.context(), who.login, who.password);
  await page.goto(`${hub.url}/me`);
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('button', { name: 'Sign out everywhere else' })).toHaveCount(0);
  expect((await other.request.get(`${hub.url}/api/v1/session`)).status()).toBe(401);
  await other.close();

  await page.getByLabel('Current password').fill('not this one');
  await page.getByLabel('New password', { exact: true }).fill('quite another one');
  await page.getByLabel('New password again').fill('quite another one');
  await page.getByRole('button', { name: 'Change the password' }).click();
  await expect(page.getByRole('main').getByText('is not your password')).toBeVisible();
  await page.getByLabel('Current password').fill(who.password);
  await page.getByRole('button', { name: 'Change the password' }).click();
  await expect(page.getByText('The password is changed')).toBeVisible();
  // The new session's key counts at once.
  await page.getByRole('main').getByText('Русский').click();
  await page.getByRole('button', { name: 'Включить' }).click();
  const proof = page.getByRole('dialog');
  await proof.getByLabel('Текущий пароль').fill('quite another one');
  await proof.getByRole('button', { name: 'Включить' }).click();
  await expect(page.getByRole('main').locator('.ant-qrcode svg')).toBeVisible();
});

test('an owner sets what the hub does', async ({ hub, open }) => {
  const page = await open('/settings');
  await page.getByLabel('Erase after, days').fill('400');
  await page.getByRole('button', { name: 'Save' }).first().click();
  await page.getByRole('tooltip').getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Erased 400 days after')).toBeVisible();
  expect(await hub.call('GET', '/settings/retention')).toMatchObject({ days: 400 });
  await hub.call('PUT', '/settings/retention', { days: 0 });

  const shop = page.locator('form#rules-shop');
  await shop.getByLabel('Held back, units').fill('3');
  await shop.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved').first()).toBeVisible();
  await expect(async () => expect(await hub.call('GET', '/accounts/shop/stock')).toMatchObject({ publish: { buffer: 3 } })).toPass();
  await hub.call('PUT', '/accounts/shop/stock', { publish: { mode: 'mirror' } });
});

// provider is the least that OpenID Connect asks of one: it lets everybody in as
// vera@example.org.
async function provider(): Promise<{ issuer: string; server: Server }> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const part = (v: unknown) => Buffer.from(JSON.stringify(v)).toString('base64url');
  let issuer = '';
  let nonce = '';
  const say = (res: ServerResponse, body: unknown) => res.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    const at = new URL(req.url ?? '', issuer);
    switch (at.pathname) {
      case '/.well-known/openid-configuration':
        return say(res, { issuer, authorization_endpoint: `${issuer}/go`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys`, id_token_signing_alg_values_supported: ['RS256'], subject_types_supported: ['public'], response_types_supported: ['code'] });
      case '/keys':
        return say(res, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] });
      case '/go': {
        nonce = at.searchParams.get('nonce') ?? '';
        const back = new URL(at.searchParams.get('redirect_uri') ?? '');
        back.searchParams.set('code', 'a-code');
        back.searchParams.set('state', at.searchParams.get('state') ?? '');
        return res.writeHead(302, { Location: back.href }).end();
      }
      case '/token': {
        const now = Math.floor(Date.now() / 1000);
        const text = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${part({ iss: issuer, aud: 'the-hub', sub: 'v1', email: 'vera@example.org', email_verified: true, name: 'Vera', nonce, iat: now, exp: now + 300 })}`;
        return say(res, { access_token: 'x', token_type: 'Bearer', expires_in: 300, id_token: `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}` });
      }
    }
    return res.writeHead(404).end();
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { issuer, server };
}

test('a sign-in provider lets a person in', async ({ page }) => {
  const dir = mkdtempSync(join(tmpdir(), 'orderhub-e2e-'));
  const { issuer, server } = await provider();
  // The hub must know its own address before it listens.
  const free = createServer();
  await new Promise<void>((ready) => free.listen(0, '127.0.0.1', ready));
  const url = `http://127.0.0.1:${(free.address() as AddressInfo).port}`;
  await new Promise((closed) => free.close(closed));
  const child = spawn(binary, ['serve', '--listen', new URL(url).host, '--public-url', url, '--database', join(dir, 'hub.db'), '--oidc-issuer', issuer, '--oidc-name', 'Keys',
    '--oidc-client-id', 'the-hub', '--oidc-client-secret', 'between the two', '--oidc-domains', 'example.org', '--oidc-default-role', 'manager'], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const [setup = ''] = await listen(child, [/first user here: (\S+)/, /orderhub is ready.*?(127\.0\.0\.1:\d+)/]);
    const codeOf = new URL(setup).searchParams.get('code') ?? undefined;
    const made = await page.request.post(`${url}/api/v1/setup`, { data: { login: 'owner', name: 'Owner', password: 'long enough, this one', setup_code: codeOf } });
    expect(made.ok()).toBe(true);
    await page.context().clearCookies();
    await page.goto(`${url}/orders`);
    await page.getByRole('link', { name: /Keys/ }).click();
    await expect(page.getByRole('heading', { name: 'Orders', level: 1 })).toBeVisible();
    await page.getByRole('button', { name: 'Who is signed in' }).click();
    await expect(page.getByText('Vera · Manager')).toBeVisible();
    // There is no password here, and none is asked for.
    await page.goto(`${url}/me`);
    await page.getByRole('button', { name: 'Switch on' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Switch on' }).click();
    await expect(page.getByRole('main').locator('.ant-qrcode svg')).toBeVisible();
  } finally {
    await end(child);
    server.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
