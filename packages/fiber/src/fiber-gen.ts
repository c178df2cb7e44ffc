import type { Parking } from "./parking.ts";

/** What a fiber yields while it waits. Only the primitives of this package make one. */
export type FiberWait = Parking;

/** The body of a fiber, or a part of one called with `yield*`. */
export type FiberGen<T> = Generator<FiberWait, T, unknown>;

/**
 * A wait that has begun and must be consumed with `yield*` at once. It is the fiber's own,
 * reused object: keep the result, never the wait.
 */
export type FiberOp<T> = Iterable<FiberWait, T, unknown>;
