import type { KvPage, ListOptions } from "@dt/kv";

/** All pages of one list. `read` reads one page. */
export async function* listPages<T extends { readonly key: string }>(
  read: (options: ListOptions) => Promise<KvPage<T>>,
  options: ListOptions,
): AsyncGenerator<KvPage<T>> {
  const { limit } = options;
  let left = limit ?? Infinity;
  let startAfter: string | undefined;
  for (;;) {
    const page = await read({
      ...options,
      ...(startAfter === undefined ? {} : { startAfter }),
      ...(limit === undefined ? {} : { limit: left }),
    });
    yield page;
    left -= page.entries.length;
    startAfter = page.entries.at(-1)?.key;
    if (!page.hasMore || left <= 0 || startAfter === undefined) {
      return;
    }
  }
}
