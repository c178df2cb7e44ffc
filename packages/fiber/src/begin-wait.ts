// Hot path: per park and wake. Bench: bench/switch.bench.ts. No closures, no promises.
import { FiberError } from "./fiber-error.ts";
import type { Parking, THROW_ON_TIMEOUT } from "./parking.ts";
import { runningFiber } from "./running-fiber.ts";
import type { WaitTarget } from "./wait-list.ts";

/**
 * Begins a wait of the running fiber. `onTimeout` is what the wait returns when its time is up,
 * or THROW_ON_TIMEOUT. `timeoutMs` is only checked: `Parking.limit` starts the time.
 */
export function beginWait<T>(
  target: WaitTarget,
  onTimeout: T | typeof THROW_ON_TIMEOUT,
  timeoutMs: number,
): Parking<T> {
  const fiber = runningFiber;
  if (fiber === null) {
    return refuseOutside(target);
  }
  if (Number.isNaN(timeoutMs)) {
    return refuseTimeout();
  }
  const parking = fiber.parking;
  parking.arm(target, onTimeout);
  // The fiber's one parking serves waits of every type, one after the other.
  return parking as Parking<T>;
}

function refuseOutside(target: WaitTarget): never {
  const operation = `waiting for ${target.describeWait()}`;
  throw new FiberError({ code: "DT_FIBER_OUTSIDE_FIBER", operation });
}

function refuseTimeout(): never {
  const problem = "must be a number, got NaN";
  throw new FiberError({ code: "DT_FIBER_ARGUMENT", argument: "timeoutMs", problem });
}
