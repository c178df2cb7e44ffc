import type { Clock, Dispatcher } from "@dt/fiber";
import type { NodeId } from "../core/message.ts";
import type { Member } from "../entry/config-payload.ts";
import type { RaftError } from "../errors.ts";
import type { RaftLog } from "../log/raft-log.ts";
import type { SnapshotStore } from "../log/snapshot-store.ts";
import type { ResolvedGroupOptions } from "./group-options.ts";
import type { Logger } from "./logger.ts";
import type { SnapshotSlots } from "./snapshots/snapshot-slots.ts";
import type { StateMachine } from "./state-machine.ts";
import type { RaftTransport } from "./transport.ts";

export type { Member } from "../entry/config-payload.ts";

export interface GroupConfig<R> {
  readonly groupId: number;
  readonly nodeId: NodeId;
  /**
   * The voters that the group starts with; counts as long as the log holds no configuration. Empty for a node
   * that waits to be added by the others.
   */
  readonly members: readonly Member[];
  readonly stateMachine: StateMachine<R>;
  /** Opened and closed by the group. */
  readonly log: RaftLog;
  /** Opened and closed by the group. Without one it takes no snapshots and its log is never cut. */
  readonly snapshots?: SnapshotStore | undefined;
  readonly options: ResolvedGroupOptions;
  /** Seeds the election timeouts; different on every node. */
  readonly seed: number;
  /** Called once when the group stops by itself, because its log or its state machine failed. */
  readonly onFailed?: ((error: RaftError) => void) | undefined;
}

export interface GroupDeps {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly transport: RaftTransport;
  readonly logger: Logger;
  /** 64 bits that nobody can guess, for the secret of a session; only where this node leads. */
  readonly drawSecret: () => bigint;
  /** Snapshots on their way, over all groups of the host. Default: a group for itself. */
  readonly snapshotSlots?: SnapshotSlots;
  /** Aborted when the server closes: ends a repair of the log that is under way, and closes a log that is too damaged. */
  readonly closing?: AbortSignal;
  /** Called before a damaged log is repaired: the others must be able to ask this node meanwhile. */
  readonly onRepair?: () => Promise<void>;
}
