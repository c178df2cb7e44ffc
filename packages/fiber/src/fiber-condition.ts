// Hot path: per park and wake. Bench: bench/switch.bench.ts. No closures, no promises.
import { FiberError } from "./fiber-error.ts";
import { beginWait } from "./begin-wait.ts";
import type { FiberOp } from "./fiber-gen.ts";
import { WaitList } from "./wait-list.ts";
import type { WaitTarget } from "./wait-list.ts";

/**
 * A place to wait for a change of shared state. A signal is not remembered: check the state, then
 * wait, in a loop. As nothing else runs between the check and the wait, no signal can get lost.
 */
export class FiberCondition implements WaitTarget {
  readonly name: string;
  readonly #waiters = new WaitList();

  constructor(name = "unnamed") {
    this.name = name;
  }

  /** True while a fiber waits for it. */
  get hasWaiters(): boolean {
    return !this.#waiters.isEmpty;
  }

  /** Waits for a signal: true when it came, false when `timeoutMs` passed first. */
  wait(timeoutMs: number = Infinity): FiberOp<boolean> {
    const wait = beginWait<boolean>(this, false, timeoutMs);
    wait.enlist(this.#waiters, true);
    wait.limit(timeoutMs);
    return wait;
  }

  /**
   * Waits for a signal of any of `conditions`: the index of the one that came, -1 when `timeoutMs`
   * passed first. The wait uses up one signal of one condition and leaves the others.
   */
  static waitAny(
    conditions: readonly FiberCondition[],
    timeoutMs: number = Infinity,
  ): FiberOp<number> {
    const target = conditions.length === 1 ? conditions[0] : new AnyOf(conditions);
    if (target === undefined || conditions.length === 0) {
      throw new FiberError({
        code: "DT_FIBER_ARGUMENT",
        argument: "conditions",
        problem: "must hold at least one condition",
      });
    }
    const wait = beginWait<number>(target, -1, timeoutMs);
    for (let i = 0; i < conditions.length; i++) {
      const condition = conditions[i];
      if (condition !== undefined) {
        wait.enlist(condition.#waiters, i);
      }
    }
    wait.limit(timeoutMs);
    return wait;
  }

  /** Wakes the fiber that has waited longest; false when none waits. */
  signal(): boolean {
    const node = this.#waiters.head;
    if (node === null) {
      return false;
    }
    node.parking.wake(node.payload);
    return true;
  }

  /** Wakes every fiber that waits now, in the order they came; how many there were. */
  signalAll(): number {
    let count = 0;
    while (this.signal()) {
      count += 1;
    }
    return count;
  }

  describeWait(): string {
    return `condition ${this.name}`;
  }
}

class AnyOf implements WaitTarget {
  readonly #conditions: readonly FiberCondition[];

  constructor(conditions: readonly FiberCondition[]) {
    this.#conditions = conditions;
  }

  describeWait(): string {
    return `any of conditions ${this.#conditions.map((condition) => condition.name).join(", ")}`;
  }
}
