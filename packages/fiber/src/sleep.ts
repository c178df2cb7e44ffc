import { beginWait, checkTimeout } from "./parking.ts";
import type { FiberOp } from "./parking.ts";
import type { WaitTarget } from "./wait-list.ts";

const SLEEP: WaitTarget = { describeWait: () => "time to pass" };
const SHUTDOWN: WaitTarget = { describeWait: () => "shutdown or time to pass" };
const TURN: WaitTarget = { describeWait: () => "its turn" };

/** Waits for `ms` milliseconds: not less, and at least until the next timer tick. */
export function sleep(ms: number): FiberOp<void> {
  const limitMs = checkTimeout(ms);
  const wait = beginWait<void>(SLEEP, undefined);
  wait.limit(limitMs);
  return wait;
}

/** Sleeps, but not past the shutdown of the fiber's group: true when that was requested. */
export function sleepUntilShutdown(ms: number = Infinity): FiberOp<boolean> {
  const limitMs = checkTimeout(ms);
  const wait = beginWait<boolean>(SHUTDOWN, false);
  const { group } = wait.fiber;
  if (group.isShutdown) {
    wait.wake(true);
  } else {
    wait.enlist(group.shutdownWaiters, undefined);
    wait.limit(limitMs);
  }
  return wait;
}

/** Lets everything else that is ready run first. */
export function yieldNow(): FiberOp<void> {
  const wait = beginWait<void>(TURN, undefined);
  wait.requeue();
  return wait;
}
