/** What a `PerfCallback` is told about. */
export const PerfKind = {
  /** One turn of the dispatcher; count: runnables resumed. */
  turn: 1,
  /** One runnable from its resumption to its next wait; count: 1. */
  resume: 2,
  /** Event at the start of a turn; value: runnables that were ready. */
  readyCount: 3,
} as const;
export type PerfKind = (typeof PerfKind)[keyof typeof PerfKind];

/**
 * Observes a dispatcher. Called inside its loop: must be quick, must not throw and must not
 * touch fibers. Starts and ends are properly nested: a turn holds its resumes.
 */
export interface PerfCallback {
  onEvent(kind: PerfKind, value: number): void;
  onStart(kind: PerfKind): void;
  onEnd(kind: PerfKind, count: number): void;
}
