// News of the hub: its stream of events makes queries fresh again. Where there is
// no stream, lists ask every few seconds.
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { useSession } from './session';

type Link = 'stream' | 'polling' | 'lost';
let link: Link = 'polling';
const listeners = new Set<() => void>();

function become(next: Link) {
  if (next === link) return;
  link = next;
  for (const l of listeners) l();
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

export function useLink(): Link {
  return useSyncExternalStore(subscribe, () => link);
}

/** usePace is how often a list asks by itself. */
export function usePace(seconds: number): number {
  return useLink() === 'stream' ? Math.max(60, seconds * 10) * 1000 : seconds * 1000;
}

// What becomes stale with which event.
const stale: Record<string, readonly string[]> = {
  order: ['orders', 'order', 'overview', 'firings', 'customer'],
  return: ['returns', 'return', 'order', 'overview'],
  stock: ['stock', 'product'],
  effect: ['effects', 'orders', 'order', 'overview'],
  account: ['accounts', 'account'],
};

// settle gathers events: a hundred orders a second are one question.
function settle(client: QueryClient) {
  const due = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (keys: readonly string[]) => {
    for (const k of keys) due.add(k);
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const k of due) void client.invalidateQueries({ queryKey: [k] });
      due.clear();
    }, 400);
  };
}

export function useStream() {
  const client = useQueryClient();
  const user = useSession().kind === 'in';
  useEffect(() => {
    if (!user) return become('polling');
    const source = new EventSource('/api/v1/stream');
    const mark = settle(client);
    let lost = false;
    source.onopen = () => {
      become('stream');
      if (lost) void client.invalidateQueries(); // what was missed meanwhile
      lost = false;
    };
    source.onerror = () => {
      lost = true;
      become(source.readyState === EventSource.CLOSED ? 'polling' : 'lost');
    };
    for (const [event, keys] of Object.entries(stale)) source.addEventListener(event, () => mark(keys));
    source.addEventListener('reload', () => void client.invalidateQueries());
    return () => {
      source.close();
      become('polling');
    };
  }, [client, user]);
}
