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

// silence is after how long without a beat (15 s) the line is dead.
const silence = 40_000;

// pause is after how long a refused stream is asked for again.
const pause = 15_000;

export function useStream() {
  const client = useQueryClient();
  const user = useSession().kind === 'in';
  useEffect(() => {
    if (!user) return become('polling');
    const mark = settle(client);
    let source: EventSource;
    let heard = 0;
    let missed = false;
    const lose = (as: Link) => {
      missed = true;
      become(as);
    };
    const open = () => {
      source = new EventSource('/api/v1/stream');
      heard = Date.now();
      source.onopen = () => {
        heard = Date.now();
        become('stream');
        if (missed) void client.invalidateQueries(); // what was missed meanwhile
        missed = false;
      };
      source.onerror = (e) => lose((e.target as EventSource).readyState === EventSource.CLOSED ? 'polling' : 'lost');
      source.addEventListener('beat', () => { heard = Date.now(); });
      for (const [event, keys] of Object.entries(stale)) source.addEventListener(event, () => { heard = Date.now(); mark(keys); });
      source.addEventListener('reload', () => void client.invalidateQueries());
    };
    // A pulled cable ends no stream: the beats stay away, or the browser says so.
    const again = () => {
      source.close();
      open();
    };
    const offline = () => {
      source.close();
      lose('lost');
    };
    const watch = setInterval(() => {
      // A browser does not come back by itself to a stream that was refused, as a
      // proxy does while the hub starts.
      const refused = source.readyState === EventSource.CLOSED && navigator.onLine && Date.now() - heard >= pause;
      const silent = source.readyState === EventSource.OPEN && Date.now() - heard >= silence;
      if (silent) lose('lost');
      if (refused || silent) again();
    }, 5000);
    addEventListener('offline', offline);
    addEventListener('online', again);
    open();
    return () => {
      clearInterval(watch);
      removeEventListener('offline', offline);
      removeEventListener('online', again);
      source.close();
      become('polling');
    };
  }, [client, user]);
}
