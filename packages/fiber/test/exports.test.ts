import { expect, test } from "vitest";

import * as fiber from "../src/index.ts";

test("exports these names and no others", () => {
  expect(Object.keys(fiber).toSorted()).toEqual([
    "DISPATCHER_DEFAULTS",
    "Dispatcher",
    "FiberChannel",
    "FiberCondition",
    "FiberError",
    "FiberFuture",
    "FiberLock",
    "FiberReadWriteLock",
    "FifoPolicy",
    "GROUP_DEFAULTS",
    "GroupBudgetPolicy",
    "NodeClock",
    "PerfKind",
    "PriorityPolicy",
    "SeededPolicy",
    "VIRTUAL_CLOCK_DEFAULTS",
    "VirtualClock",
    "formatDump",
    "fromPromise",
    "join",
    "sleep",
    "sleepUntilShutdown",
    "toPromise",
    "yieldNow",
  ]);
});
