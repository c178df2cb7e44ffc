/** A key as the store names it: without the leading slash that it ignores. */
export function trimKey(key: string): string {
  return key.startsWith("/") ? key.slice(1) : key;
}
