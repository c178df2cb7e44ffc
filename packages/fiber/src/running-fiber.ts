import type { Fiber } from "./fiber.ts";

/** The fiber whose code runs at this moment; null outside of fibers. */
export let runningFiber: Fiber | null = null;

/** For the dispatcher only. */
export function setRunningFiber(fiber: Fiber | null): void {
  runningFiber = fiber;
}
