/** The longest that a Node timer waits; it takes more for 1 ms. */
const MAX_DRAIN_MS = 2 ** 31 - 1;

/** How long to wait for what is under way: `drainMs`, 24 days at most. Throws a RangeError for NaN. */
export function drainTime(drainMs: number): number {
  if (Number.isNaN(drainMs)) {
    throw new RangeError("a time to drain of NaN milliseconds");
  }
  return Math.min(drainMs, MAX_DRAIN_MS);
}
