// The way to the hub: the client made from its OpenAPI document, and its
// problems as errors.
import createClient, { type Middleware } from 'openapi-fetch';
import { tellNow } from './i18n';
import { credentials, refused } from './session';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

/** Problem is what the hub says when it refuses; offline = nothing answered. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly code: string,
    readonly fields: Record<string, string> = {},
  ) {
    super(detail);
  }
  get offline() {
    return this.status === 0;
  }
}

interface ProblemBody {
  detail?: string;
  code?: string;
  field?: string;
  errors?: { field: string; message: string }[];
}

export async function problemOf(res: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    body = (await res.json()) as ProblemBody;
  } catch {
    // a proxy in between answers with a page
  }
  refused(res.status, body.code);
  const detail = await tellNow(body.detail ?? `HTTP ${res.status}`);
  const fields: Record<string, string> = {};
  for (const e of body.errors ?? []) fields[e.field] = await tellNow(e.message);
  if (body.field && !fields[body.field]) fields[body.field] = detail;
  return new Problem(res.status, detail, body.code ?? '', fields);
}

const shell: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(credentials(request.method))) request.headers.set(name, value);
    return request;
  },
  onError() {
    return new Problem(0, 'offline', 'offline');
  },
};

export const hub = createClient<paths>({ baseUrl: location.origin });
hub.use(shell);

/** ask gives the answer of a call or throws its problem. */
export async function ask<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  const body = (error ?? {}) as ProblemBody;
  throw await problemOf(new Response(JSON.stringify(body), { status: response.status }));
}

/** raw is for addresses that are made here: keys of preferences. */
export async function raw<T>(method: string, path: string, body?: unknown): Promise<T> {
  let res: Response;
  try {
    res = await fetch(`/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...credentials(method) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, 'offline', 'offline');
  }
  if (!res.ok) throw await problemOf(res);
  return (res.status === 204 ? undefined : await res.json()) as T;
}

/** download saves what an address of the hub gives as a file. */
export async function download(path: string, name: string) {
  let res: Response;
  try {
    res = await fetch(`/api/v1${path}`, { headers: credentials('GET') });
  } catch {
    throw new Problem(0, 'offline', 'offline');
  }
  if (!res.ok) throw await problemOf(res);
  const url = URL.createObjectURL(await res.blob());
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** upload sends a file as it is and tells how much of it has left, 0 to 100. (fetch
 * does not tell.) */
export function upload<T>(path: string, file: File, told: (percent: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const req = new XMLHttpRequest();
    req.open('POST', `/api/v1${path}`);
    for (const [name, value] of Object.entries(credentials('POST'))) req.setRequestHeader(name, value);
    req.setRequestHeader('Content-Type', 'application/octet-stream');
    req.upload.onprogress = (e) => { if (e.lengthComputable) told(Math.floor((100 * e.loaded) / e.total)); };
    req.onerror = () => reject(new Problem(0, 'offline', 'offline'));
    req.onload = () => {
      if (req.status >= 200 && req.status < 300) resolve(JSON.parse(req.responseText) as T);
      else void problemOf(new Response(req.responseText, { status: req.status })).then(reject);
    };
    req.send(file);
  });
}

/** newKey makes an Idempotency-Key: what is sent twice with it happens once. (Not
 * randomUUID: a hub in the shop's own network has no https.) */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
