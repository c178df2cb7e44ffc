import { FiberError } from "./fiber-error.ts";
import type { FiberGroup } from "./fiber-group.ts";

export interface FiberGroupOptions {
  /**
   * Gets each error that no fiber or promise waits for, as DT_FIBER_UNCAUGHT. The group then goes on.
   * Default null: the group shuts down and its shutdownFuture fails with that error.
   */
  readonly onError?: ((error: FiberError, group: FiberGroup) => void) | null;
  /** For `PriorityPolicy`: 0 high, 1 normal, 2 low. Default 1. */
  readonly priority?: number;
  /** Tasks that may be queued by `post`; one more throws DT_FIBER_TASKS_FULL. Default 100 000. */
  readonly maxQueuedTasks?: number;
}

export type ResolvedGroupOptions = Readonly<Required<FiberGroupOptions>>;

export const GROUP_DEFAULTS = {
  priority: 1,
  maxQueuedTasks: 100_000,
} as const;

const KNOWN_KEYS: readonly string[] = ["onError", "priority", "maxQueuedTasks"];

/** Checks and completes; throws DT_FIBER_OPTIONS with all problems at once. */
export function resolveGroupOptions(options: FiberGroupOptions): ResolvedGroupOptions {
  const problems: string[] = [];
  for (const key of Object.keys(options)) {
    if (!KNOWN_KEYS.includes(key)) {
      problems.push(`${key} is not an option`);
    }
  }
  const priority = options.priority ?? GROUP_DEFAULTS.priority;
  if (priority !== 0 && priority !== 1 && priority !== 2) {
    problems.push(`priority must be 0, 1 or 2, got ${priority}`);
  }
  const maxQueuedTasks = options.maxQueuedTasks ?? GROUP_DEFAULTS.maxQueuedTasks;
  if (!Number.isInteger(maxQueuedTasks) || maxQueuedTasks < 1) {
    problems.push(`maxQueuedTasks must be an integer of at least 1, got ${maxQueuedTasks}`);
  }
  if (problems.length > 0) {
    throw new FiberError({ code: "DT_FIBER_OPTIONS", problems });
  }
  return Object.freeze({ onError: options.onError ?? null, priority, maxQueuedTasks });
}
