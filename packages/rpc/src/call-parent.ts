/** A request in whose name calls are made: they inherit its deadline and its trace. */
export interface CallParent {
  /** Of performance.now(), 0 for none. */
  readonly deadlineMs: number;
  readonly traceparent: string | null;
}

/** The time for a call in the name of `parent`; negative when there is none left. */
export function timeWithin(parent: CallParent, timeoutMs: number): number {
  if (parent.deadlineMs === 0) {
    return timeoutMs;
  }
  // 0 would mean no deadline.
  const leftMs = parent.deadlineMs - performance.now() || -1;
  return timeoutMs === 0 ? leftMs : Math.min(timeoutMs, leftMs);
}
