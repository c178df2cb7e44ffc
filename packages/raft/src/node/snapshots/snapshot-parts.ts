import type { Clock } from "@dt/fiber";
import type { Input } from "../../core/input.ts";
import type { Message } from "../../core/message.ts";
import type { RaftCore } from "../../core/raft-core.ts";
import type { RaftError } from "../../errors.ts";
import type { RaftLog } from "../../log/raft-log.ts";
import type { AppliedPosition } from "../apply-stage.ts";
import type { ResolvedGroupOptions } from "../group-options.ts";
import type { Logger } from "../logger.ts";
import type { SnapshotSource } from "../state-machine.ts";
import type { RestoreTarget } from "./restore-snapshot.ts";
import type { SnapshotCatalog } from "./snapshot-catalog.ts";
import type { SnapshotSlots } from "./snapshot-slots.ts";

/** Where the state machine stands. */
export interface Applied {
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly appliedChain: number;
  readonly appliedBytes: number;
  readonly timestampMs: number;
  restored(position: AppliedPosition): void;
}

/** What a group's snapshots work with. */
export interface SnapshotParts {
  readonly groupId: number;
  readonly core: RaftCore;
  readonly log: RaftLog;
  readonly applies: Applied;
  /** Null for a state machine that cannot. */
  readonly takeState: (() => SnapshotSource) | null;
  readonly target: RestoreTarget;
  /** The sessions as a snapshot holds them. */
  readonly encodeSessions: () => Buffer;
  readonly catalog: SnapshotCatalog;
  readonly slots: SnapshotSlots;
  readonly options: ResolvedGroupOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** False when the message was dropped at once. */
  readonly send: (message: Message) => boolean;
  readonly onInput: (input: Input) => void;
  /** Something can be applied again. */
  readonly onRestored: () => void;
  readonly onFailed: (error: RaftError) => void;
}
