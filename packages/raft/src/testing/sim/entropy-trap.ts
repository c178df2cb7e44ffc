import nodeCrypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import nodeTimers from "node:timers";
import { promiseHooks } from "node:v8";
import { SimFailure } from "./sim-failure.ts";

/** An object and those of its functions that a run must not call. */
interface Source {
  readonly owner: object;
  readonly label: string;
  readonly names: readonly string[];
}

const SOURCES: readonly Source[] = [
  { owner: Math, label: "Math", names: ["random"] },
  { owner: performance, label: "performance", names: ["now"] },
  { owner: process, label: "process", names: ["hrtime", "nextTick"] },
  {
    owner: globalThis,
    label: "globalThis",
    names: ["Date", "setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
  },
  { owner: nodeTimers, label: "timers", names: ["setTimeout", "setInterval", "setImmediate"] },
  { owner: globalThis.crypto, label: "crypto", names: ["getRandomValues", "randomUUID"] },
  {
    owner: nodeCrypto,
    label: "node:crypto",
    names: ["randomBytes", "randomFillSync", "randomInt", "randomUUID"],
  },
];

let depth = 0;

/**
 * Runs `part` with every source of time, chance and order that a seed does not fix out of reach:
 * clocks, random numbers, timers and promise jobs. Code that asks one of them throws a
 * `SimFailure` of the rule "entropy"; a promise that was made fails the part at its end, whoever
 * made it. Nested calls trap once. `part` must be synchronous.
 */
export function withoutEntropy<T>(part: () => T): T {
  if (depth > 0) {
    return part();
  }
  const undo: (() => void)[] = [];
  let promises = 0;
  const stopHook = promiseHooks.onInit(() => {
    promises++;
  }) as () => void;
  depth++;
  try {
    for (const source of SOURCES) {
      undo.push(trap(source));
    }
    syncBuiltinESMExports();
    const result = part();
    if (promises > 0) {
      throw new SimFailure("entropy", `${promises} promises were made during a run`);
    }
    return result;
  } finally {
    depth--;
    stopHook();
    for (const restore of undo) {
      restore();
    }
    syncBuiltinESMExports();
  }
}

/** Replaces the functions of one source; returns what puts them back. */
function trap({ owner, label, names }: Source): () => void {
  const saved = names.map((name) => [name, Object.getOwnPropertyDescriptor(owner, name)] as const);
  for (const name of names) {
    const forbidden = function forbidden(): never {
      throw new SimFailure("entropy", `a run used ${label}.${name}`);
    };
    Object.assign(forbidden, { now: forbidden, bigint: forbidden });
    Object.defineProperty(owner, name, { value: forbidden, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of saved) {
      if (descriptor === undefined) {
        Reflect.deleteProperty(owner, name);
      } else {
        Object.defineProperty(owner, name, descriptor);
      }
    }
  };
}
