/**
 * Time as fibers see it: the only way this package reaches the outside world.
 * `NodeClock` is the real one, `VirtualClock` the one a test moves by hand.
 */
export interface Clock {
  /** Monotonic milliseconds with a fraction. Only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since the epoch, an integer. May jump; never used for timeouts. */
  wallMs(): number;
  /** Calls `fn` once when `nowMs()` has reached `atMs`, never from inside this call. */
  setTimer(atMs: number, fn: () => void): TimerHandle;
  /** No effect on a timer that has fired or was cleared. */
  clearTimer(handle: TimerHandle): void;
  /** Calls `fn` once soon, after what is now running has returned; in order of the calls. */
  defer(fn: () => void): void;
}

/** One pending timer. Belongs to the clock that made it. */
export interface TimerHandle {
  readonly atMs: number;
}
