import type { NodeId } from "./core/message.ts";

/** Where a client should go instead. */
export interface LeaderHint {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
}

/** What went wrong, with the facts that belong to it. The README lists every code with what to do about it. */
export type RaftFault =
  /** This node does not lead; the request was not executed here. */
  | { readonly code: "DT_RAFT_NOT_LEADER"; readonly leader: LeaderHint | null }
  /** The leader stepped down while the request waited: a write may still be committed. */
  | { readonly code: "DT_RAFT_LEADERSHIP_LOST"; readonly term: number }
  /** Too many writes wait already; this one was not taken. */
  | {
      readonly code: "DT_RAFT_PROPOSALS_FULL";
      readonly pending: number;
      readonly pendingBytes: number;
    }
  /** Too many reads wait already; this one was not taken. */
  | { readonly code: "DT_RAFT_READS_FULL"; readonly pending: number }
  | {
      readonly code: "DT_RAFT_ENTRY_TOO_LARGE";
      readonly payloadBytes: number;
      readonly maxPayloadBytes: number;
    }
  /** The disk is full. `mayHaveExecuted` tells whether this write had been taken before. */
  | { readonly code: "DT_RAFT_NO_SPACE"; readonly taken: boolean }
  /** The group stops or has stopped. `taken` tells whether this write had been taken before. */
  | { readonly code: "DT_RAFT_GROUP_STOPPED"; readonly groupId: number; readonly taken: boolean }
  /** The log failed for good; the group has stopped. */
  | { readonly code: "DT_RAFT_LOG_FAILED"; readonly groupId: number }
  /** Entries of the log are damaged, and no other member has them; the group does not start. */
  | {
      readonly code: "DT_RAFT_LOG_DAMAGED";
      readonly groupId: number;
      readonly firstIndex: number;
      readonly lastIndex: number;
      /** Of the entry before them. */
      readonly term: number;
      readonly file: string;
      readonly offset: number;
      /** What each other member said. */
      readonly answers: readonly string[];
    }
  /** The state machine threw or answered wrongly; the group has stopped before the next index. */
  | {
      readonly code: "DT_RAFT_APPLY_FAILED";
      readonly groupId: number;
      readonly index: number;
    }
  /** The group broke an assumption of its own code and has stopped: a bug. */
  | { readonly code: "DT_RAFT_INTERNAL"; readonly groupId: number }
  /** The state machine of this group keeps no results, so it has no sessions. */
  | { readonly code: "DT_RAFT_NO_SESSIONS"; readonly groupId: number }
  /**
   * The session was forgotten, or is somebody else's. This request was not executed; an earlier try of the same call
   * may have been.
   */
  | {
      readonly code: "DT_RAFT_SESSION_EXPIRED";
      readonly groupId: number;
      readonly session: number;
    }
  /**
   * The number of the call is below what its client has answers for, or too far ahead, or the call has its one entry
   * already; not executed.
   */
  | {
      readonly code: "DT_RAFT_SESSION_SEQUENCE";
      readonly groupId: number;
      readonly session: number;
      readonly sequence: number;
    }
  /** This group takes no snapshots: it has no store, or its state machine cannot. */
  | { readonly code: "DT_RAFT_NO_SNAPSHOTS"; readonly groupId: number }
  /** A snapshot that was asked for could not be taken; the cause tells why. */
  | { readonly code: "DT_RAFT_SNAPSHOT_FAILED"; readonly groupId: number }
  /** The log begins behind entries that no good snapshot stands for, and no other member could send one. */
  | {
      readonly code: "DT_RAFT_SNAPSHOT_MISSING";
      readonly groupId: number;
      readonly firstIndex: number;
    }
  /** The state machine refused a good snapshot; the group has stopped. */
  | { readonly code: "DT_RAFT_RESTORE_FAILED"; readonly groupId: number; readonly index: number }
  /** Options are wrong; every problem with its path. */
  | { readonly code: "DT_RAFT_OPTIONS"; readonly problems: readonly string[] }
  /** The client found no leader before the caller's deadline; nothing was executed. */
  | { readonly code: "DT_RAFT_NO_LEADER"; readonly timeoutMs: number; readonly tried: number }
  /** The connection or the deadline ended while the request was out. */
  | { readonly code: "DT_RAFT_OUTCOME_UNKNOWN"; readonly command: number }
  /** The client is closed. */
  | { readonly code: "DT_RAFT_CLIENT_CLOSED" }
  /** The leader has not committed what the request stands on; it soon will have. */
  | { readonly code: "DT_RAFT_NOT_READY" }
  /** Another change of members is under way: its configuration begins at `index`. */
  | { readonly code: "DT_RAFT_CHANGE_PENDING"; readonly index: number }
  /** The leader is handing over to `to`. */
  | { readonly code: "DT_RAFT_TRANSFERRING"; readonly to: NodeId }
  /** Only another voter can take over. */
  | { readonly code: "DT_RAFT_TRANSFER_TARGET"; readonly to: NodeId }
  /** The target did not take over within an election timeout; the leader goes on. 0 = no target was named. */
  | { readonly code: "DT_RAFT_TRANSFER_FAILED"; readonly to: NodeId }
  /** The members are not what the request says they are. */
  | {
      readonly code: "DT_RAFT_OLD_MEMBERS";
      readonly voters: readonly NodeId[];
      readonly observers: readonly NodeId[];
    }
  /** The members asked for make no sense; every problem. */
  | { readonly code: "DT_RAFT_MEMBERS_INVALID"; readonly problems: readonly string[] }
  /** These are to vote and do not answer or lag too far behind. */
  | { readonly code: "DT_RAFT_MEMBERS_BEHIND"; readonly ids: readonly NodeId[] }
  /** No change was prepared at that index; the active configuration begins at `active`. */
  | { readonly code: "DT_RAFT_PREPARE_INDEX"; readonly active: number }
  /** The node does not vote, or lags behind a change of members. */
  | { readonly code: "DT_RAFT_CANNOT_CAMPAIGN" };

/** Codes after which a write may have been executed although it was not acknowledged. */
const MAY_HAVE_EXECUTED: ReadonlySet<RaftFault["code"]> = new Set([
  "DT_RAFT_LEADERSHIP_LOST",
  "DT_RAFT_LOG_FAILED",
  "DT_RAFT_APPLY_FAILED",
  "DT_RAFT_INTERNAL",
  "DT_RAFT_OUTCOME_UNKNOWN",
]);

/** Every error of this package. Match on `code`. */
export class RaftError extends Error {
  override readonly name = "RaftError" as const;
  readonly code: RaftFault["code"];
  readonly fault: RaftFault;
  /** False only when the request was certainly not executed and never will be. */
  readonly mayHaveExecuted: boolean;

  constructor(fault: RaftFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
    this.mayHaveExecuted = MAY_HAVE_EXECUTED.has(fault.code) || ("taken" in fault && fault.taken);
  }
}

function describe(fault: RaftFault): string {
  switch (fault.code) {
    case "DT_RAFT_NOT_LEADER":
      return fault.leader === null
        ? "this node does not lead and knows no leader"
        : `this node does not lead; node ${fault.leader.nodeId} at ${fault.leader.host}:${fault.leader.port} does`;
    case "DT_RAFT_LEADERSHIP_LOST":
      return `the leader of term ${fault.term} stepped down; a write may still be committed`;
    case "DT_RAFT_PROPOSALS_FULL":
      return `${fault.pending} writes of ${fault.pendingBytes} bytes wait already`;
    case "DT_RAFT_READS_FULL":
      return `${fault.pending} reads wait already`;
    case "DT_RAFT_ENTRY_TOO_LARGE":
      return `a payload of ${fault.payloadBytes} bytes is over the limit of ${fault.maxPayloadBytes}`;
    case "DT_RAFT_NO_SPACE":
      return fault.taken
        ? "the disk is full; this write may still be stored when space returns"
        : "the disk is full; this write was not taken";
    case "DT_RAFT_GROUP_STOPPED":
      return `group ${fault.groupId} is stopped`;
    case "DT_RAFT_LOG_FAILED":
      return `the log of group ${fault.groupId} failed; the group is stopped`;
    case "DT_RAFT_LOG_DAMAGED":
      return (
        `entries ${fault.firstIndex} to ${fault.lastIndex} of group ${fault.groupId}, after term ${fault.term}, ` +
        `are damaged (${fault.file} at ${fault.offset}) ` +
        (fault.answers.length === 0
          ? "and there is no other member"
          : `and nobody has them: ${fault.answers.join(", ")}`)
      );
    case "DT_RAFT_APPLY_FAILED":
      return `applying index ${fault.index} of group ${fault.groupId} failed; the group is stopped`;
    case "DT_RAFT_INTERNAL":
      return `group ${fault.groupId} is stopped by a bug, see the cause`;
    case "DT_RAFT_NO_SESSIONS":
      return `group ${fault.groupId} has no sessions`;
    case "DT_RAFT_SESSION_EXPIRED":
      return `session ${fault.session} of group ${fault.groupId} is not known, or not any more, or not by this secret`;
    case "DT_RAFT_SESSION_SEQUENCE":
      return `call ${fault.sequence} is outside the window of session ${fault.session} of group ${fault.groupId}`;
    case "DT_RAFT_NO_SNAPSHOTS":
      return `group ${fault.groupId} takes no snapshots`;
    case "DT_RAFT_SNAPSHOT_FAILED":
      return `no snapshot of group ${fault.groupId} could be taken`;
    case "DT_RAFT_SNAPSHOT_MISSING":
      return `the log of group ${fault.groupId} starts at ${fault.firstIndex}, and no good snapshot reaches up to there`;
    case "DT_RAFT_RESTORE_FAILED":
      return `restoring group ${fault.groupId} from the snapshot at ${fault.index} failed; the group is stopped`;
    case "DT_RAFT_OPTIONS":
      return fault.problems.join("; ");
    case "DT_RAFT_NO_LEADER":
      return `no leader was found within ${fault.timeoutMs} ms (${fault.tried} tries)`;
    case "DT_RAFT_OUTCOME_UNKNOWN":
      return `the answer to command ${fault.command} was lost; it may have been executed`;
    case "DT_RAFT_CLIENT_CLOSED":
      return "the client is closed";
    case "DT_RAFT_NOT_READY":
      return "the leader has not committed what this stands on yet";
    case "DT_RAFT_CHANGE_PENDING":
      return `another change of members is under way since index ${fault.index}`;
    case "DT_RAFT_TRANSFERRING":
      return `the leader is handing over to node ${fault.to}`;
    case "DT_RAFT_TRANSFER_TARGET":
      return `node ${fault.to} cannot take over: only another voter can`;
    case "DT_RAFT_TRANSFER_FAILED":
      return `${fault.to === 0 ? "nobody took" : `node ${fault.to} did not take`} over in time; the leader goes on`;
    case "DT_RAFT_OLD_MEMBERS":
      return `the voters are ${fault.voters.join(", ")}, the observers ${fault.observers.join(", ") || "none"}`;
    case "DT_RAFT_MEMBERS_INVALID":
      return fault.problems.join("; ");
    case "DT_RAFT_MEMBERS_BEHIND":
      return `too far behind to vote: node ${fault.ids.join(", node ")}`;
    case "DT_RAFT_PREPARE_INDEX":
      return `no change was prepared there; the members are those of index ${fault.active}`;
    case "DT_RAFT_CANNOT_CAMPAIGN":
      return "this node does not vote, or has not applied a change of members yet";
  }
}
