// For users: a replicated service from a state machine.
export { RaftServer } from "./transport/raft-server.ts";
export type { RaftServerConfig, RaftServerDeps, ServedGroup } from "./transport/server-config.ts";
export type { GroupStatus, RoleName } from "./node/group-status.ts";
export { RaftGroup } from "./node/raft-group.ts";
export type { GroupConfig, GroupDeps, Member } from "./node/group-config.ts";
export type {
  Freshness,
  KeptResults,
  Proposal,
  ReadWaiter,
  SessionWaiter,
  SnapshotSource,
  StateMachine,
} from "./node/state-machine.ts";
export type { SessionCallId, SessionKey } from "./entry/session-prefix.ts";
export type { EntryCursor } from "./node/entry-cursor.ts";
export { DEFAULT_GROUP_OPTIONS, resolveGroupOptions } from "./node/group-options.ts";
export type { GroupOptions, ResolvedGroupOptions } from "./node/group-options.ts";
export type { Logger } from "./node/logger.ts";
export { RaftError } from "./errors.ts";
export type { LeaderHint, RaftFault } from "./errors.ts";
export { failRequest } from "./transport/request-failure.ts";
export { RaftAdmin } from "./client/raft-admin.ts";
export type {
  AdminCallOptions,
  ChangeMembersOptions,
  PreparedChange,
} from "./client/raft-admin.ts";
export type { ChangeOptions } from "./node/group-admin.ts";
export type { ConfigRequest, MemberLists, MemberTarget } from "./core/config-request.ts";
export type { Configuration, Membership } from "./core/membership.ts";
export { RaftClient } from "./client/raft-client.ts";
export type { RaftClientOptions } from "./client/raft-client.ts";
export type { CallOptions } from "./client/call-options.ts";
export type { Endpoint } from "./client/link.ts";
export type { SnapshotTaken, StatusReply } from "./gen/raft.ts";

// For operators' tools.
export { forceMembers, FORCED_TERMS, planForcedMembers } from "./node/forced-members.ts";
export type { ForcedMembers, ForcedPlan } from "./node/forced-members.ts";

export { MemoryLog } from "./log/memory-log.ts";
export { MemorySnapshotStore } from "./log/memory-snapshot-store.ts";

// For authors of logs and transports.
export { ConfigKind, decodeConfigPayload, encodeConfigPayload } from "./entry/config-payload.ts";
export type { ConfigPayload } from "./entry/config-payload.ts";
export { COMPACTED_CODE, isCompacted, NO_SPACE_CODE } from "./log/raft-log.ts";
export type {
  ConfigEntry,
  DamagedRange,
  LogBase,
  LogState,
  RaftLog,
  TermRun,
} from "./log/raft-log.ts";
export {
  isSnapshotDamaged,
  isSnapshotNotFound,
  SNAPSHOT_DAMAGED_CODE,
  SNAPSHOT_NOT_FOUND_CODE,
} from "./log/snapshot-store.ts";
export type {
  SnapshotMeta,
  SnapshotReader,
  SnapshotStore,
  SnapshotWriter,
} from "./log/snapshot-store.ts";
export type { RaftTransport, TransportReceiver } from "./node/transport.ts";
export { scanRecords, sliceBatch, recordOffset } from "./entry/entry-batch.ts";
export type { EntryBatch, RecordFault, RecordRun } from "./entry/entry-batch.ts";
export { BatchBuilder } from "./entry/batch-builder.ts";
export {
  chainAfter,
  EntryType,
  INITIAL_CHAIN,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  recordBizType,
  recordBytes,
  recordHeaderCrc,
  recordIndex,
  recordLength,
  recordPayloadCrc,
  recordTerm,
  recordTimestamp,
  recordType,
  sealRecord,
  storedBytes,
} from "./entry/record.ts";
export type { HardState, Write } from "./core/output.ts";
export type { IoId } from "./core/input.ts";

// For hosts that drive the core themselves.
export { RaftCore } from "./core/raft-core.ts";
export type { CoreConfig } from "./core/raft-core.ts";
export { DEFAULT_CORE_OPTIONS } from "./core/options.ts";
export type { CoreOptions } from "./core/options.ts";
export { InputKind } from "./core/input.ts";
export type { Input } from "./core/input.ts";
export { MessageKind } from "./core/message.ts";
export type { Message, NodeId } from "./core/message.ts";
export { DropReason, Role } from "./core/output.ts";
export type { Output } from "./core/output.ts";
export type { StoreBook } from "./transport/store-check.ts";
