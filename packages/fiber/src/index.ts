/** Source of time for everything that waits. Milliseconds from an arbitrary start, never going back. */
export interface Clock {
  nowMs(): number;
}
