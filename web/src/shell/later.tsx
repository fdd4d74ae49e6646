// What is below the first screen is drawn after it, in small steps: a finger is
// answered between them.
import { startTransition, useEffect, useState, type ReactNode } from 'react';

/** useLater is false while a page is drawn first. */
export function useLater(): boolean {
  const [later, setLater] = useState(false);
  useEffect(() => startTransition(() => setLater(true)), []);
  return later;
}

export function Later({ children }: { children: ReactNode }) {
  return useLater() && children;
}
