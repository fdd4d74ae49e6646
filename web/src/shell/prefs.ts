// What a person has chosen: columns, views. It is kept in the browser at once, and
// with the person's account.
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import { raw } from './api';
import { useSession } from './session';

const prefix = 'orderhub.pref.';
const values = new Map<string, unknown>();
const listeners = new Set<() => void>();
const asked = new Set<string>();

function read<T>(key: string, fallback: T): T {
  if (!values.has(key)) {
    const text = localStorage.getItem(prefix + key);
    try {
      values.set(key, text === null ? fallback : JSON.parse(text));
    } catch {
      values.set(key, fallback);
    }
  }
  return values.get(key) as T;
}

function keep(key: string, value: unknown) {
  values.set(key, value);
  localStorage.setItem(prefix + key, JSON.stringify(value));
  for (const l of listeners) l();
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

/** usePref: fallback must be one constant value. A value of another shape, from
 * another version, is the caller's to survive. */
export function usePref<T>(key: string, fallback: T): [T, (value: T) => void] {
  const session = useSession();
  const people = session.kind === 'in';
  const value = useSyncExternalStore(subscribe, () => read(key, fallback));
  useEffect(() => {
    if (!people || asked.has(key)) return;
    asked.add(key);
    raw<T>('GET', `/me/preferences/${key}`).then(
      (v) => { if (v !== null && v !== undefined) keep(key, v); },
      () => undefined, // the browser has what it has
    );
  }, [people, key]);
  const set = useCallback((v: T) => {
    keep(key, v);
    if (people) raw('PUT', `/me/preferences/${key}`, v).catch(() => undefined); // the browser has it
  }, [key, people]);
  return [value, set];
}
