import { Dispatcher, FiberError, VirtualClock } from "../src/index.ts";
import type { FiberErrorCode, FiberGen, FiberGroup } from "../src/index.ts";
import type { DispatcherOptions, FiberGroupOptions } from "../src/index.ts";

/** One dispatcher with one group on virtual time, and a list for fibers to write to. */
export class World {
  readonly clock = new VirtualClock();
  readonly dispatcher: Dispatcher;
  readonly group: FiberGroup;
  readonly trace: unknown[] = [];

  constructor(
    dispatcherOptions: Omit<DispatcherOptions, "clock"> = {},
    groupOptions: FiberGroupOptions = {},
  ) {
    this.dispatcher = new Dispatcher({ ...dispatcherOptions, clock: this.clock });
    this.group = this.dispatcher.group("group", groupOptions);
  }

  /** Runs a fiber to its end on virtual time and returns its value or throws its error. */
  run<T>(body: () => FiberGen<T>): T {
    const outcome: { value?: T; error?: unknown } = {};
    this.group.start("run", body).result.listen({
      onValue: (value) => (outcome.value = value),
      onError: (error) => (outcome.error = error),
    });
    this.clock.runUntil(() => "value" in outcome || "error" in outcome, 1e9);
    if ("value" in outcome) {
      return outcome.value as T;
    }
    if ("error" in outcome) {
      throw outcome.error;
    }
    throw new Error("the fiber never ended");
  }
}

/** The code of the FiberError that `fn` throws. */
export function codeOf(fn: () => unknown): FiberErrorCode | "nothing thrown" {
  try {
    fn();
  } catch (error) {
    return codeOfError(error);
  }
  return "nothing thrown";
}

export function codeOfError(error: unknown): FiberErrorCode {
  if (error instanceof FiberError) {
    return error.code;
  }
  throw new Error("not a FiberError", { cause: error });
}
