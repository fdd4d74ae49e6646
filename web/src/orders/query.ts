// The list of orders: what the address asks for, and the hub's answer.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { ask, hub, type Schemas } from '../shell/api';
import { usePace } from '../shell/live';

export type Row = Schemas['OrderRow'];

export interface Filter {
  status: string[];
  account: string[];
  hold?: string;
  tag?: string;
  assignee?: string;
  late?: string;
  q?: string;
  from?: string;
  to?: string;
}

export const pageSize = 50;

export function readFilter(p: URLSearchParams): Filter {
  return {
    status: p.getAll('status'), account: p.getAll('account'),
    hold: p.get('hold') ?? undefined, tag: p.get('tag') ?? undefined, assignee: p.get('assignee') ?? undefined, late: p.get('late') ?? undefined, q: p.get('q') ?? undefined, from: p.get('from') ?? undefined, to: p.get('to') ?? undefined,
  };
}

export function writeFilter(f: Filter): URLSearchParams {
  const p = new URLSearchParams();
  for (const s of f.status) p.append('status', s);
  for (const a of f.account) p.append('account', a);
  for (const k of ['hold', 'tag', 'assignee', 'late', 'q', 'from', 'to'] as const) if (f[k]) p.set(k, f[k]);
  return p;
}

/** useFilter: the address holds filter and page, so that a view can be linked. */
export function useFilter() {
  const [params, setParams] = useSearchParams();
  const text = params.toString();
  const filter = useMemo(() => readFilter(new URLSearchParams(text)), [text]);
  const set = useCallback((change: Partial<Filter>) => {
    setParams((old) => writeFilter({ ...readFilter(old), ...change }));
  }, [setParams]);
  const replace = useCallback((f: Filter) => setParams(writeFilter(f)), [setParams]);
  return { filter, set, replace, cursor: params.get('cursor') ?? undefined, setParams, text };
}

/** asQuery is the filter in the API's words; days are days of this browser. */
export function asQuery(f: Filter) {
  const day = (s: string | undefined, plus: number) => {
    if (!s) return undefined;
    const d = new Date(`${s}T00:00:00`);
    if (Number.isNaN(d.getTime())) return undefined;
    d.setDate(d.getDate() + plus);
    return d.toISOString();
  };
  return {
    status: f.status.length ? f.status : undefined,
    account: f.account.length ? f.account : undefined,
    hold: f.hold as 'any' | undefined,
    tag: f.tag,
    assignee: f.assignee,
    late: f.late ? true : undefined,
    q: f.q,
    placed_from: day(f.from, 0),
    placed_to: day(f.to, 1),
  };
}

export function useOrders(f: Filter, cursor: string | undefined) {
  const pace = usePace(4);
  return useQuery({
    queryKey: ['orders', f, cursor],
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/orders', { params: { query: { ...asQuery(f), cursor, limit: pageSize } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: cursor ? pace * 3 : pace,
  });
}

export function useAccounts(every = 60) {
  const pace = usePace(every);
  return useQuery({
    queryKey: ['accounts'],
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/accounts', { signal })),
    select: (a) => a.accounts,
    refetchInterval: pace,
  });
}

/** useColleagues lists who can be given an order. */
export function useColleagues(enabled = true) {
  return useQuery({
    queryKey: ['colleagues'],
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/colleagues', { signal })),
    select: (c) => c.colleagues,
    staleTime: 300_000,
    enabled,
  });
}

/** useTags lists the tags in use. */
export function useTags(enabled: boolean) {
  return useQuery({
    queryKey: ['tags'],
    queryFn: ({ signal }) => ask(hub.GET('/api/v1/tags', { params: { query: { limit: 500 } }, signal })),
    select: (t) => t.tags ?? [],
    staleTime: 15_000,
    enabled,
  });
}
