import { beginWait } from "./begin-wait.ts";
import type { FiberOp } from "./fiber-gen.ts";
import type { WaitTarget } from "./wait-list.ts";

const SLEEP: WaitTarget = { describeWait: () => "time to pass" };
const SHUTDOWN: WaitTarget = { describeWait: () => "shutdown or time to pass" };
const TURN: WaitTarget = { describeWait: () => "its turn" };

/** Waits for `ms` milliseconds: not less, and at least until the next timer tick. */
export function sleep(ms: number): FiberOp<void> {
  const wait = beginWait<void>(SLEEP, undefined, ms);
  wait.limit(ms);
  return wait;
}

/** Sleeps, but not past the shutdown of the fiber's group: true when that was requested. */
export function sleepUntilShutdown(ms: number = Infinity): FiberOp<boolean> {
  const wait = beginWait<boolean>(SHUTDOWN, false, ms);
  const { group } = wait.fiber;
  if (group.isShutdown) {
    wait.wake(true);
  } else {
    wait.enlist(group.shutdownWaiters, undefined);
    wait.limit(ms);
  }
  return wait;
}

/** Lets everything else that is ready run first. */
export function yieldNow(): FiberOp<void> {
  const wait = beginWait<void>(TURN, undefined, Infinity);
  wait.requeue();
  return wait;
}
