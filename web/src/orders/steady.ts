// Rows that do not jump under the cursor: while somebody is at the table, its rows
// keep their places and change in place; what is new waits behind a button.
import { useState } from 'react';
import type { Row } from './query';

export interface Steady {
  rows: Row[];
  /** New orders that are not shown yet. */
  waiting: number;
  /** Orders that do not fit the filter any more. */
  gone: ReadonlySet<number>;
  /** Orders that came with the last look. */
  fresh: ReadonlySet<number>;
  show: () => void;
}

interface Kept {
  view: string;
  source: readonly Row[];
  rows: Row[];
  waiting: number;
  gone: Set<number>;
  fresh: Set<number>;
}

const none = new Set<number>();

/** settle lays a fresh answer over the rows that are shown. */
export function settle(shown: readonly Row[], fresh: readonly Row[]): Pick<Kept, 'rows' | 'waiting' | 'gone'> {
  const byNumber = new Map(fresh.map((r) => [r.number, r]));
  const known = new Set(shown.map((r) => r.number));
  const oldest = fresh.at(-1)?.placed_at ?? '';
  const gone = new Set<number>();
  const rows = shown.map((r) => {
    const now = byNumber.get(r.number);
    // What is older than the page's last row was only pushed off the page.
    if (!now && r.placed_at > oldest) gone.add(r.number);
    return now ?? r;
  });
  const newest = shown[0]?.placed_at ?? '';
  return { rows, gone, waiting: fresh.filter((r) => !known.has(r.number) && r.placed_at >= newest).length };
}

/** useSteady: view names the list (filter and page), held says that somebody is at it. */
export function useSteady(source: readonly Row[] | undefined, view: string, held: boolean): Steady {
  const [kept, setKept] = useState<Kept>({ view: 'none yet', source: [], rows: [], waiting: 0, gone: none, fresh: none });
  let now = kept;
  if (source && (source !== kept.source || view !== kept.view || (!held && (kept.waiting > 0 || kept.gone.size > 0)))) {
    if (kept.view !== view) now = { view, source, rows: [...source], waiting: 0, gone: none, fresh: none };
    else if (held && kept.rows.length > 0) now = { ...kept, source, ...settle(kept.rows, source), fresh: none };
    else {
      const before = new Set(kept.rows.map((r) => r.number));
      now = { view, source, rows: [...source], waiting: 0, gone: none, fresh: new Set(source.filter((r) => !before.has(r.number)).map((r) => r.number)) };
    }
    setKept(now);
  }
  return {
    rows: now.rows, waiting: now.waiting, gone: now.gone, fresh: now.fresh,
    show: () => setKept((k) => ({ ...k, rows: [...k.source], waiting: 0, gone: none, fresh: none })),
  };
}
