export interface FiberOptions {
  /** A daemon does not keep its group alive; it is ended with the group. Default false. */
  readonly daemon?: boolean;
  /** For `PriorityPolicy`: 0 high, 1 normal, 2 low. Default: the group's. */
  readonly priority?: number;
}
