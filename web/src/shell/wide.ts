// Whether there is room for tables and the menu. (The kit's useBreakpoint knows it only
// after the first drawing: a phone drew the whole page twice.)
import { useSyncExternalStore } from 'react';

const room = matchMedia('(min-width: 768px)'); // the kit's md

function subscribe(l: () => void) {
  room.addEventListener('change', l);
  return () => room.removeEventListener('change', l);
}

export function useWide(): boolean {
  return useSyncExternalStore(subscribe, () => room.matches);
}
