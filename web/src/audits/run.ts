// Comparing and reading again, a day after the other: it goes on while one looks at
// other pages of the panel, and what is done stays done when it is stopped.
import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { ask, hub, type Schemas } from '../shell/api';

export type Day = Schemas['AuditView'];

/** Step is one call to the hub. settle waits until what was read is accepted. */
export type Step =
  | { do: 'read' | 'compare'; account: string; day: string }
  | { do: 'ids'; account: string; ids: string[] }
  | { do: 'settle'; account: string };

export interface Run {
  state: 'running' | 'stopped' | 'done';
  steps: Step[];
  /** done counts the steps that are over, those left out after a failure as well. */
  done: number;
  days: Day[];
  read: number;
  saved: number;
  notFound: string[];
  failed: { account: string; error: unknown }[];
}

let run: Run | undefined;
let stopping: AbortController | undefined;
const listeners = new Set<() => void>();

function become(next: Run | undefined) {
  run = next;
  for (const l of listeners) l();
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

export function useRun(): Run | undefined {
  return useSyncExternalStore(subscribe, () => run);
}

export const stop = () => stopping?.abort();

/** dismiss puts the outcome away. */
export const dismiss = () => run?.state !== 'running' && become(undefined);

/** start works the steps. What fails for an account ends its steps alone. */
export async function start(client: QueryClient, steps: Step[]) {
  if (run?.state === 'running' || steps.length === 0) return;
  const { signal } = (stopping = new AbortController());
  let now: Run = { state: 'running', steps, done: 0, days: [], read: 0, saved: 0, notFound: [], failed: [] };
  become(now);
  const broken = new Set<string>();
  for (const step of steps) {
    if (signal.aborted) break;
    if (!broken.has(step.account)) {
      try {
        now = { ...now, ...(await work(step, now, signal)) };
        void client.invalidateQueries({ queryKey: ['audits'] });
      } catch (error) {
        if (signal.aborted) break;
        broken.add(step.account);
        now = { ...now, failed: [...now.failed, { account: step.account, error }] };
      }
    }
    now = { ...now, done: now.done + 1 };
    become(now);
  }
  become({ ...now, state: signal.aborted ? 'stopped' : 'done' });
  for (const key of ['audits', 'audit', 'orders', 'accounts', 'quarantine']) void client.invalidateQueries({ queryKey: [key] });
}

async function work(step: Step, so: Run, signal: AbortSignal): Promise<Partial<Run>> {
  const params = { path: { account: step.account } };
  switch (step.do) {
    case 'compare': {
      const { days } = await ask(hub.POST('/api/v1/accounts/{account}/audit', { params, body: { from: step.day }, signal }));
      return { days: [...so.days, ...days] };
    }
    case 'read':
    case 'ids': {
      const body = step.do === 'ids' ? { ids: step.ids } : { from: `${step.day}T00:00:00Z`, to: `${nextDay(step.day)}T00:00:00Z` };
      const got = await ask(hub.POST('/api/v1/accounts/{account}/repull', { params, body, signal }));
      return { read: so.read + got.read, saved: so.saved + got.saved, notFound: [...so.notFound, ...(got.not_found ?? [])] };
    }
    case 'settle':
      await settled(step.account, signal);
      return {};
  }
}

// settled waits for the accept lane; an answer that stays longer is told by the
// comparison.
async function settled(account: string, signal: AbortSignal) {
  for (let i = 0; i < 40 && !signal.aborted; i++) {
    const a = await ask(hub.GET('/api/v1/accounts/{account}', { params: { path: { account } }, signal }));
    if (a.pending === 0) return;
    await new Promise((again) => setTimeout(again, 500));
  }
}

const dayLong = 86_400_000;
const text = (ms: number) => new Date(ms).toISOString().slice(0, 10);

export const nextDay = (day: string) => text(Date.parse(day) + dayLong);

/** today is the day of UTC, as the audit counts. */
export const today = () => text(Date.now());

export const daysAgo = (n: number) => text(Date.now() - n * dayLong);

/** span lists the days from first to last. */
export function span(first: string, last: string): string[] {
  const out: string[] = [];
  for (let day = first; day <= last; day = nextDay(day)) out.push(day);
  return out;
}

/** comparing gives the steps of a comparison, the newest day first. */
export function comparing(accounts: string[], days: string[]): Step[] {
  return [...days].reverse().flatMap((day) => accounts.map((account): Step => ({ do: 'compare', account, day })));
}

/** reading gives the steps of reading days again and of proving it. */
export function reading(account: string, days: string[]): Step[] {
  return [...days.map((day): Step => ({ do: 'read', account, day })), { do: 'settle', account }, ...comparing([account], days)];
}

/** readingIDs gives the steps of reading single orders again. */
export function readingIDs(account: string, ids: string[]): Step[] {
  const out: Step[] = [];
  for (let i = 0; i < ids.length; i += 100) out.push({ do: 'ids', account, ids: ids.slice(i, i + 100) });
  return [...out, { do: 'settle', account }];
}
