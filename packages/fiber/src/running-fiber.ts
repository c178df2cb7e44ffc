import { FiberError } from "./fiber-error.ts";
import type { Fiber } from "./fiber.ts";

/** The fiber whose code runs at this moment; null outside of fibers. */
export let runningFiber: Fiber | null = null;

/** For the dispatcher only. */
export function setRunningFiber(fiber: Fiber | null): void {
  runningFiber = fiber;
}

/** The running fiber; throws DT_FIBER_OUTSIDE_FIBER without one. */
export function requireFiber(operation: string): Fiber {
  if (runningFiber === null) {
    throw new FiberError({ code: "DT_FIBER_OUTSIDE_FIBER", operation });
  }
  return runningFiber;
}
