/** What a dispatcher runs: a fiber that is ready, or the queued tasks of a group. */
export interface Runnable {
  readonly name: string;
  /** Two runnables of one group have the same object here. */
  readonly group: object;
  /** 0 high, 1 normal, 2 low. */
  readonly priority: number;
  run(): void;
}

/**
 * The run queue of one dispatcher: decides which runnable is next. Each `push` is answered by
 * exactly one `pop`. A policy belongs to one dispatcher and must depend on nothing but the calls
 * it gets, or a simulated run cannot be repeated.
 */
export interface SchedulingPolicy {
  readonly size: number;
  push(runnable: Runnable): void;
  /** The next one to run; null when none is queued. */
  pop(): Runnable | null;
}
