import type { Clock } from "@dt/fiber";
import type { ClientOptions, ServerOptions } from "@dt/rpc";
import type { NodeId } from "../core/message.ts";
import type { RaftError } from "../errors.ts";
import type { RaftLog } from "../log/raft-log.ts";
import type { SnapshotStore } from "../log/snapshot-store.ts";
import type { Member } from "../node/group-config.ts";
import type { GroupOptions } from "../node/group-options.ts";
import type { Logger } from "../node/logger.ts";
import type { StateMachine } from "../node/state-machine.ts";
import type { IsMember } from "./membership-check.ts";
import type { StoreBook } from "./store-check.ts";

/** One group that a server takes part in. */
export interface ServedGroup<R> {
  /** 1 to 2^32-1, the same on every member. */
  readonly groupId: number;
  readonly stateMachine: StateMachine<R>;
  /** Opened and closed by the server. */
  readonly log: RaftLog;
  /** Opened and closed by the server. Without one the group takes no snapshots and its log is never cut. */
  readonly snapshots?: SnapshotStore | undefined;
  readonly options?: GroupOptions;
  /** Called once when the group stops by itself, because its log or its state machine failed. */
  readonly onFailed?: (error: RaftError) => void;
}

export interface RaftServerConfig {
  /** Members of other clusters are refused. */
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /**
   * The voters that new groups start with, and the addresses under which members and clients reach them; this node
   * included. Groups that have been changed since know better. Empty for a node that waits to be added.
   */
  readonly members: readonly Member[];
  /** Where to listen. Default: this node's own address among `members`. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Where others reach this node. Default: its address among `members`, else `listen`. */
  readonly advertise?: { readonly host: string; readonly port: number };
  /**
   * Which data directory each member had, such as the `peers` of a `DataDirectory`: a member that comes back
   * with another one is refused. Default: nobody looks.
   */
  readonly stores?: StoreBook;
  /** For connections that others open; see @dt/rpc. */
  readonly rpcServer?: Omit<ServerOptions, "identity">;
  /** For connections to the other members; see @dt/rpc. */
  readonly rpcClient?: Omit<ClientOptions, "address" | "identity">;
  /**
   * Whether a peer with this proved identity may take part as a member; see `auth` of @dt/rpc. Default: whoever
   * says that it is one.
   */
  readonly isMember?: IsMember | undefined;
  /** Snapshots sent, and received, at the same time over all groups. Default 2 each. */
  readonly maxSnapshotSends?: number;
  readonly maxSnapshotReceives?: number;
}

export interface RaftServerDeps {
  readonly clock?: Clock;
  readonly logger?: Logger;
}
