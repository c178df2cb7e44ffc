/**
 * A key as the store names it: without the leading slash that it ignores. One with two is left to the store, which
 * refuses it.
 */
export function trimKey(key: string): string {
  return key.startsWith("/") && !key.startsWith("//") ? key.slice(1) : key;
}
