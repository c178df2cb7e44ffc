import { decodeMessage, encodeMessage } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { Role } from "../core/output.ts";
import type { GroupStatus, RoleName } from "../node/group-status.ts";
import type { LeaderHint as LeaderHintFields } from "../errors.ts";
import type { SnapshotMeta } from "../log/snapshot-store.ts";
import { LeaderHint, SnapshotTaken, StatusReply } from "../gen/raft.ts";
import type { ConfigPayload, GroupStatus as GroupStatusReply } from "../gen/raft.ts";
import type { Configuration } from "../core/membership.ts";

export function encodeNothing(): void {
  // A request without a body.
}

export function encodeStatusReply(writer: ByteWriter, reply: StatusReply): void {
  encodeMessage(writer, StatusReply, reply);
}

export function decodeStatusReply(body: Buffer, start: number, end: number): StatusReply {
  return decodeMessage(StatusReply, body, start, end);
}

export function encodeSnapshotTaken(writer: ByteWriter, meta: SnapshotMeta): void {
  const { id, index, term, timestampMs, byteLength } = meta;
  encodeMessage(writer, SnapshotTaken, { id, index, term, timestampMs, byteLength });
}

export function decodeSnapshotTaken(body: Buffer, start: number, end: number): SnapshotTaken {
  return decodeMessage(SnapshotTaken, body, start, end);
}

export function encodeLeaderHint(writer: ByteWriter, hint: LeaderHintFields): void {
  encodeMessage(writer, LeaderHint, { nodeId: hint.nodeId, host: hint.host, port: hint.port });
}

/** The hint in the detail of a NOT_LEADER answer; null when there is none or it makes no sense. */
export function decodeLeaderHint(detail: Buffer | null): LeaderHintFields | null {
  if (detail === null || detail.length === 0) {
    return null;
  }
  try {
    const hint = decodeMessage(LeaderHint, detail, 0, detail.length);
    return hint.nodeId > 0 && hint.host !== "" && hint.port > 0 ? hint : null;
  } catch {
    // A hint is advice: without it the client searches.
    return null;
  }
}

function mutable(configuration: Configuration): ConfigPayload {
  const { members, voters, observers, nextVoters, nextObservers, removed } = configuration;
  return {
    ...configuration,
    members: [...members],
    voters: [...voters],
    observers: [...observers],
    nextVoters: [...nextVoters],
    nextObservers: [...nextObservers],
    removed: [...removed],
  };
}

const ROLE_NUMBERS: Record<RoleName, Role> = Role;

/** One node's answer to STATUS_COMMAND. */
export function toStatusReply(
  nodeId: number,
  clusterId: string,
  uptimeMs: number,
  groups: readonly { readonly status: GroupStatus; readonly leader: LeaderHintFields | null }[],
): StatusReply {
  return {
    nodeId,
    clusterId,
    processId: process.pid,
    uptimeMs: Math.floor(uptimeMs),
    groups: groups.map(({ status, leader }) => toGroupStatus(status, leader)),
  };
}

export function toGroupStatus(
  status: GroupStatus,
  leader: LeaderHintFields | null,
): GroupStatusReply {
  return {
    ...status,
    role: ROLE_NUMBERS[status.role],
    configuration: mutable(status.configuration),
    configurationIndex: status.configuration.index,
    progress: [...status.progress],
    leader: leader === null ? undefined : { ...leader },
  };
}
