// Lists that are read page by page, forwards only.
import { useInfiniteQuery, keepPreviousData } from '@tanstack/react-query';
import { usePace } from './live';

/** usePages reads a list; next gives the mark of the following page. Only the first
 * page is asked for again by itself: further ones would jump. */
export function usePages<P, M extends string | number>(key: readonly unknown[], read: (mark: M | undefined, signal: AbortSignal) => Promise<P>, next: (page: P) => M | undefined, seconds = 6) {
  const pace = usePace(seconds);
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(pageParam as M | undefined, signal),
    initialPageParam: undefined as M | undefined,
    getNextPageParam: (last: P) => next(last),
    placeholderData: keepPreviousData,
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 1 ? false : pace),
  });
}
