// Who is at the panel. All that knows how one signs in is in this file.
//
// A hub without people (GET /session answers 404) is worked with an API token,
// kept for this tab only; TOKEN marks what goes when every hub has people.
import { useSyncExternalStore } from 'react';

export interface User {
  id: number;
  login: string;
  name: string;
  role: string;
  language?: string;
  totp?: boolean;
}

export type Permission =
  | 'orders.read' | 'orders.work' | 'stock.read' | 'stock.work' | 'returns.read' | 'returns.decide' | 'customers.read'
  | 'personal_data' | 'accounts.read' | 'accounts.manage' | 'rules.manage' | 'users.manage' | 'settings.manage' | 'audit.read';

interface Answer {
  user: User;
  permissions: Permission[];
  csrf: string;
}

export interface Provider {
  name: string;
  url: string;
}

/** starting: not known yet; unreachable: the hub did not answer; setup: nobody is
 * there yet; signin: somebody must sign in; token: the hub has no people. */
export type State =
  | { kind: 'starting' }
  | { kind: 'unreachable' }
  | { kind: 'setup'; oidc: Provider[] }
  | { kind: 'signin'; oidc: Provider[] }
  | { kind: 'token' }
  | { kind: 'in'; user?: User; permissions?: ReadonlySet<Permission>; people: boolean };

let state: State = { kind: 'starting' };
let csrf = '';
let token = ''; // TOKEN
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
  return (p: Permission) => s.kind === 'in' && (!s.permissions || s.permissions.has(p));
}

/** credentials are the headers of a call. */
export function credentials(method: string): Record<string, string> {
  if (token) return { Authorization: `Bearer ${token}` }; // TOKEN
  return method === 'GET' || method === 'HEAD' || !csrf ? {} : { 'X-CSRF-Token': csrf };
}

/** lostSession: the hub does not know this session any more. */
export function lostSession() {
  if (state.kind !== 'in') return;
  if (token) {
    forgetToken();
    return become({ kind: 'token' });
  }
  become({ kind: 'signin', oidc: [] });
  void start();
}

const tokenKey = 'orderhub.token'; // TOKEN

function forgetToken() {
  token = '';
  sessionStorage.removeItem(tokenKey);
}

/** start finds out who is there. */
export async function start(): Promise<void> {
  takeToken();
  try {
    const res = await fetch('/api/v1/session', { headers: credentials('GET') });
    if (res.ok && res.headers.get('content-type')?.includes('json')) return signedIn((await res.json()) as Answer);
    if (res.status === 404) return await startWithToken(); // TOKEN
    const setup = await fetch('/api/v1/setup');
    const { needed, oidc } = (setup.ok ? await setup.json() : {}) as { needed?: boolean; oidc?: Provider[] };
    become({ kind: needed ? 'setup' : 'signin', oidc: oidc ?? [] });
  } catch {
    become({ kind: 'unreachable' });
  }
}

function signedIn(a: Answer) {
  csrf = a.csrf;
  become({ kind: 'in', user: a.user, permissions: new Set(a.permissions), people: true });
}

async function post(path: string, body: unknown) {
  return fetch(`/api/v1${path}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', ...credentials('POST') }, body: JSON.stringify(body),
  });
}

/** signIn and setUp give the refusal, or undefined. */
export async function signIn(body: { login: string; password: string; totp?: string }): Promise<Response | undefined> {
  const res = await post('/session', body);
  if (!res.ok) return res;
  await start();
  return undefined;
}

export async function setUp(body: { login: string; name: string; password: string; setup_code?: string }): Promise<Response | undefined> {
  const res = await post('/setup', body);
  if (!res.ok) return res;
  await start();
  return undefined;
}

export async function signOut() {
  if (token) {
    forgetToken();
    return become({ kind: 'token' });
  }
  await fetch('/api/v1/session', { method: 'DELETE', headers: credentials('DELETE') });
  csrf = '';
  await start();
}

// ---- TOKEN: a hub without people

// takeToken: the demo's link carries the token behind the #, which no server sees.
function takeToken() {
  const found = /^#token=([\w.~-]+)$/.exec(location.hash);
  if (found?.[1]) {
    sessionStorage.setItem(tokenKey, found[1]);
    history.replaceState(null, '', location.pathname + location.search);
  }
  token = sessionStorage.getItem(tokenKey) ?? '';
}

async function startWithToken() {
  if (!token) return become({ kind: 'token' });
  const res = await fetch('/api/v1/channels', { headers: credentials('GET') });
  if (res.status === 401) {
    forgetToken();
    return become({ kind: 'token' });
  }
  become(res.ok ? { kind: 'in', people: false } : { kind: 'unreachable' });
}

/** useToken gives whether the hub takes the token. */
export async function tryToken(value: string): Promise<boolean> {
  token = value.trim();
  sessionStorage.setItem(tokenKey, token);
  await startWithToken();
  return state.kind === 'in';
}
