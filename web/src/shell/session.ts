// Who is at the panel. All that knows how one signs in is in this file.
import { useSyncExternalStore } from 'react';
import type { components } from './schema';

type Answer = components['schemas']['SessionView'];
type SetUp = components['schemas']['NewOwner'];
export type User = Answer['user'];
export type Permission = Answer['permissions'][number];
export type Provider = components['schemas']['ProviderView'];

/** starting: not known yet; unreachable: the hub did not answer; setup: nobody is
 * there yet; signin: somebody must sign in. */
export type State =
  | { kind: 'starting' }
  | { kind: 'unreachable' }
  | { kind: 'setup'; codeNeeded: boolean }
  | { kind: 'signin'; oidc: Provider[]; ended: boolean }
  | { kind: 'in'; user: User; permissions: ReadonlySet<Permission> };

let state: State = { kind: 'starting' };
let csrf = '';
let looking = false; // a page's many calls are refused together
let last: number | undefined; // who was here on this page before
const listeners = new Set<() => void>();

function become(next: State) {
  state = next;
  for (const l of listeners) l();
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

export function useSession() {
  return useSyncExternalStore(subscribe, () => state);
}

/** useCan tells what this person may; the hub checks for itself. */
export function useCan() {
  const s = useSession();
  return (p: Permission) => s.kind === 'in' && s.permissions.has(p);
}

/** credentials are the headers of a call; the cookie is the browser's business. */
export function credentials(method: string): Record<string, string> {
  return method === 'GET' || method === 'HEAD' || !csrf ? {} : { 'X-CSRF-Token': csrf };
}

/** refused looks whether an answer says that the session is not what it was: it has
 * ended, or another tab of this browser has signed in anew. */
export function refused(status: number, code?: string) {
  if (state.kind !== 'in' || looking || (status !== 401 && code !== 'csrf')) return;
  looking = true;
  void start().finally(() => { looking = false; });
}

/** start finds out who is there. */
export async function start(): Promise<void> {
  try {
    if (await signInByLink()) return;
    // Asked first: it never refuses, and a refusal would stand in the browser's console.
    const setup = await fetch('/api/v1/setup');
    if (!setup.ok) return become({ kind: 'unreachable' });
    const how = (await setup.json()) as components['schemas']['SetupView'];
    if (how.signed_in) {
      const res = await fetch('/api/v1/session');
      if (res.ok) return signedIn((await res.json()) as Answer);
      if (res.status !== 401) return become({ kind: 'unreachable' });
    }
    csrf = '';
    become(how.needed ? { kind: 'setup', codeNeeded: how.code_needed } : { kind: 'signin', oidc: how.oidc, ended: last !== undefined });
  } catch {
    // Whoever is in stays in: pages show what they have until the hub is back.
    if (state.kind !== 'in') become({ kind: 'unreachable' });
  }
}

function signedIn(a: Answer) {
  // What one person was shown is not left for the next.
  if (last !== undefined && last !== a.user.id) return location.reload();
  last = a.user.id;
  csrf = a.csrf;
  become({ kind: 'in', user: a.user, permissions: new Set(a.permissions) });
}

/** renewed: a changed password begins another session. */
export function renewed(a: Answer) {
  signedIn(a);
}

async function enter(path: string, body: unknown): Promise<Response | undefined> {
  const res = await fetch(`/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (!res.ok) return res;
  signedIn((await res.json()) as Answer);
  return undefined;
}

/** signIn and setUp give the refusal, or undefined. */
export function signIn(body: components['schemas']['Credentials']) {
  return enter('/session', body);
}

export function setUp(body: SetUp) {
  return enter('/setup', body);
}

/** setupCode is the one of the link that the hub printed. */
export function setupCode() {
  return new URLSearchParams(location.search).get('code') ?? undefined;
}

// signInByLink: the demo's link carries login and password behind the #, which no
// server sees. It is read once and leaves the address.
async function signInByLink(): Promise<boolean> {
  if (!location.hash.startsWith('#login=')) return false;
  const link = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, '', location.pathname + location.search);
  return (await signIn({ login: link.get('login') ?? '', password: link.get('password') ?? '' })) === undefined;
}

/** signOut begins the page anew: nothing of this person stays in it. */
export async function signOut() {
  await fetch('/api/v1/session', { method: 'DELETE', headers: credentials('DELETE') }).catch(() => undefined);
  for (const k of Object.keys(localStorage)) if (k.startsWith('orderhub.pref.')) localStorage.removeItem(k);
  location.assign('/');
}
