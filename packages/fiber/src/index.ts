// For users.
export type { Clock, TimerHandle } from "./clock.ts";
export { Dispatcher } from "./dispatcher.ts";
export { DISPATCHER_DEFAULTS } from "./dispatcher-options.ts";
export type { DispatcherOptions } from "./dispatcher-options.ts";
export { FiberChannel } from "./fiber-channel.ts";
export { FiberCondition } from "./fiber-condition.ts";
export { FiberError } from "./fiber-error.ts";
export type { FiberErrorCode, FiberFault } from "./fiber-error.ts";
export { FiberFuture } from "./fiber-future.ts";
export type { FutureListener } from "./fiber-future.ts";
export type { FiberGen, FiberOp, FiberWait } from "./fiber-gen.ts";
export type { FiberGroup } from "./fiber-group.ts";
export { FiberLock } from "./fiber-lock.ts";
export { FiberReadWriteLock } from "./fiber-read-write-lock.ts";
export { join } from "./fiber.ts";
export type { Fiber, FiberState } from "./fiber.ts";
export type { FiberOptions } from "./fiber-options.ts";
export { formatDump } from "./group-dump.ts";
export type { FiberDump, GroupDump } from "./group-dump.ts";
export { GROUP_DEFAULTS } from "./group-options.ts";
export type { FiberGroupOptions } from "./group-options.ts";
export { NodeClock } from "./node-clock.ts";
export { fromPromise, toPromise } from "./promise.ts";
export { sleep, sleepUntilShutdown, yieldNow } from "./sleep.ts";
export { VIRTUAL_CLOCK_DEFAULTS, VirtualClock } from "./virtual-clock.ts";
export type { VirtualClockOptions } from "./virtual-clock.ts";

// For those who extend the dispatcher.
export type { BufferPool } from "./buffer-pool.ts";
export { FifoPolicy } from "./fifo-policy.ts";
export { GroupBudgetPolicy } from "./group-budget-policy.ts";
export { PerfKind } from "./perf-callback.ts";
export type { PerfCallback } from "./perf-callback.ts";
export { PriorityPolicy } from "./priority-policy.ts";
export type { Runnable, SchedulingPolicy } from "./scheduling-policy.ts";
export { SeededPolicy } from "./seeded-policy.ts";
