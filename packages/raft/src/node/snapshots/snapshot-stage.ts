import type { Clock } from "@dt/fiber";
import { InputKind, type Input } from "../../core/input.ts";
import {
  type Message,
  MessageKind,
  type NodeId,
  type SnapshotChunk,
  SnapshotStatus,
} from "../../core/message.ts";
import type { SnapshotBase, SnapshotWork } from "../../core/output.ts";
import { Role } from "../../core/output.ts";
import type { RaftCore } from "../../core/raft-core.ts";
import { encodeConfigPayload } from "../../entry/config-payload.ts";
import { RaftError } from "../../errors.ts";
import type { RaftLog } from "../../log/raft-log.ts";
import {
  isSnapshotDamaged,
  isSnapshotNotFound,
  type SnapshotMeta,
} from "../../log/snapshot-store.ts";
import type { AppliedPosition } from "../apply-stage.ts";
import type { ResolvedGroupOptions } from "../group-options.ts";
import type { Logger } from "../logger.ts";
import type { SnapshotSource } from "../state-machine.ts";
import { EnvelopeFault, EnvelopeSource } from "./envelope.ts";
import { restoreSnapshot, type RestoreTarget } from "./restore-snapshot.ts";
import { buildSnapshot } from "./snapshot-build.ts";
import type { SnapshotCatalog } from "./snapshot-catalog.ts";
import { SnapshotPolicy } from "./snapshot-policy.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
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

export interface SnapshotStageParts {
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

interface Waiter {
  readonly resolve: (meta: SnapshotMeta) => void;
  readonly reject: (error: unknown) => void;
}

/** Everything a group does about snapshots: takes, keeps, sends, receives and installs them. */
export class SnapshotStage {
  readonly #parts: SnapshotStageParts;
  readonly #policy: SnapshotPolicy;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  #isBuilding = false;
  #isBuildWanted = false;
  #waiters: Waiter[] = [];
  /** The snapshot to restore from, and the write that must be durable before; 0 = none. */
  #install: { readonly base: SnapshotBase; readonly sequence: number } | null = null;
  #isRestoring = false;
  #askAtMs = 0;
  /** What the log was last told to start at. */
  #headIndex = 1;
  #isClosed = false;

  constructor(parts: SnapshotStageParts) {
    this.#parts = parts;
    const { core, catalog, slots, options, clock, logger, groupId } = parts;
    const nowMs = (): number => clock.nowMs();
    this.#policy = new SnapshotPolicy(options, catalog.newest?.index ?? 0, nowMs());
    this.#sender = new SnapshotSender({
      groupId,
      nodeId: core.id,
      catalog,
      slots,
      limits: {
        chunkBytes: options.snapshotChunkBytes,
        windowChunks: options.snapshotWindowChunks,
        timeoutMs: options.snapshotTimeoutMs,
      },
      retryMs: options.heartbeatMs,
      logger,
      nowMs,
      term: () => core.term,
      isUsable: ({ index }) => index >= core.firstIndex - 1,
      isFollower: (id) => core.role === Role.leader && core.progress().some((p) => p.id === id),
      build: () => {
        this.#isBuildWanted = true;
      },
      send: parts.send,
      onInput: parts.onInput,
    });
    this.#receiver = new SnapshotReceiver(catalog.store, slots, options.snapshotTimeoutMs, {
      answer: (chunk, status, offset) => this.#answer(chunk, status, offset),
      received: (meta) => this.#onReceived(meta),
      failed: (error) =>
        logger.error({ groupId, err: error }, "the snapshot store failed to take a snapshot"),
    });
  }

  /** What the core asks for. `sequence` is that of the write of the same output; 0 = it had none. */
  carry(work: Readonly<SnapshotWork>, sequence: number): void {
    for (const to of work.sends) {
      this.#sender.start(to);
    }
    for (const chunk of work.chunks) {
      this.#receiver.onChunk(chunk, this.#parts.clock.nowMs());
    }
    for (const reply of work.replies) {
      this.#sender.onReply(reply);
    }
    if (work.install !== null) {
      this.#install = { base: work.install, sequence };
      if (sequence === 0) {
        this.#restore();
      }
    }
  }

  onPersisted(sequence: number): void {
    if (this.#install !== null && sequence >= this.#install.sequence) {
      this.#restore();
    }
  }

  onUnreachable(peer: NodeId): void {
    this.#sender.onUnreachable(peer);
  }

  onLeadershipLost(): void {
    this.#sender.stopAll();
  }

  /** Between two turns: the state machine stands at the applied index. */
  onTick(): void {
    const { clock, core, log, onInput } = this.#parts;
    const nowMs = clock.nowMs();
    if (!this.#sender.isIdle) {
      this.#sender.onTick();
    }
    this.#receiver.onTick(nowMs);
    if (log.firstIndex > core.firstIndex) {
      const firstIndex = log.firstIndex;
      onInput({ kind: InputKind.headDropped, firstIndex });
    }
    if (core.isStateMissing) {
      this.#askForOne(nowMs);
      return;
    }
    this.#dropHead();
    const { appliedIndex, appliedBytes } = this.#parts.applies;
    if (this.#isBuildWanted || this.#policy.isDue(appliedIndex, appliedBytes, nowMs)) {
      this.#build(nowMs);
    }
  }

  /** Takes one at the next tick, whatever the policy says; resolves when it is durable. */
  take(): Promise<SnapshotMeta> {
    return new Promise((resolve, reject) => {
      const { groupId, takeState } = this.#parts;
      if (takeState === null) {
        reject(new RaftError({ code: "DT_RAFT_NO_SNAPSHOTS", groupId }));
        return;
      }
      this.#waiters.push({ resolve, reject });
      this.#isBuildWanted = true;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#sender.stopAll();
    this.#receiver.close();
    const { groupId } = this.#parts;
    this.#endWaits((waiter) =>
      waiter.reject(new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId, taken: false })),
    );
  }

  #build(nowMs: number): void {
    const { applies, catalog, clock, groupId, logger, takeState } = this.#parts;
    if (this.#isBuilding || takeState === null || applies.appliedIndex === 0) {
      return;
    }
    this.#isBuilding = true;
    this.#isBuildWanted = false;
    const meta = this.#describe();
    this.#policy.taken(meta.index, applies.appliedBytes, nowMs);
    const waiters = this.#waiters;
    this.#waiters = [];
    const source = new EnvelopeSource(this.#parts.encodeSessions(), takeState());
    buildSnapshot(catalog.store, meta, source, clock, () => !this.#isClosed).then(
      (finished) => {
        this.#isBuilding = false;
        if (finished === null) {
          const stopped = new RaftError({ code: "DT_RAFT_GROUP_STOPPED", groupId, taken: false });
          waiters.forEach((waiter) => waiter.reject(stopped));
          return;
        }
        const { id, index, byteLength } = finished;
        logger.info({ groupId, id, index, byteLength }, "snapshot taken");
        this.#keep(finished);
        waiters.forEach((waiter) => waiter.resolve(finished));
      },
      (error: unknown) => {
        this.#isBuilding = false;
        logger.error({ groupId, err: error }, "taking a snapshot failed");
        this.#sender.onSnapshot();
        const failed = new RaftError(
          { code: "DT_RAFT_SNAPSHOT_FAILED", groupId },
          { cause: error },
        );
        waiters.forEach((waiter) => waiter.reject(failed));
      },
    );
  }

  #describe(): Omit<SnapshotMeta, "byteLength"> {
    const { applies, core } = this.#parts;
    const { appliedIndex: index, appliedTerm: term, appliedChain: chain } = applies;
    const configuration = core.configurationAt(index);
    return {
      id: `${index}-${chain.toString(16).padStart(8, "0")}-${core.id}`,
      index,
      term,
      chain,
      timestampMs: applies.timestampMs,
      membership: configuration.index > 0 ? encodeConfigPayload(configuration) : Buffer.alloc(0),
      membershipIndex: configuration.index,
    };
  }

  /** Another good one: older ones go, and of the log what nobody needs any more. */
  #keep(meta: SnapshotMeta): void {
    if (this.#isClosed) {
      return;
    }
    const { catalog, core, options } = this.#parts;
    catalog.add(meta);
    catalog.retain(options.snapshotKeep, core.firstIndex - 1);
    this.#dropHead();
    this.#sender.onSnapshot();
  }

  /**
   * Lets go of what the oldest snapshot stands for, as far as it is applied, and on this disk: a log may be applied
   * ahead of its disk, which may still hold other entries there.
   */
  #dropHead(): void {
    const { applies, catalog, core, log, options } = this.#parts;
    const done = Math.min(core.durableIndex, applies.appliedIndex);
    const index = Math.min(catalog.oldest?.index ?? 0, done);
    const first = index + 1 - options.snapshotTailEntries;
    if (first > this.#headIndex && !core.isStateMissing) {
      this.#headIndex = first;
      log.dropHead(first);
    }
  }

  #answer(chunk: SnapshotChunk, status: SnapshotStatus, offset: number): void {
    const { core, send } = this.#parts;
    if (!this.#isClosed) {
      send({
        kind: MessageKind.snapshotReply,
        from: core.id,
        to: chunk.from,
        term: core.term,
        status,
        id: chunk.id,
        offset,
        index: status === SnapshotStatus.installed ? chunk.index : core.commitIndex,
      });
    }
  }

  #onReceived(meta: SnapshotMeta): void {
    const { applies, catalog, clock, onInput } = this.#parts;
    catalog.add(meta);
    const { index, term, chain, membership, membershipIndex } = meta;
    this.#policy.taken(index, applies.appliedBytes, clock.nowMs());
    const base: SnapshotBase = { index, term, chain, membership, membershipIndex };
    onInput({ kind: InputKind.snapshotReceived, base });
  }

  /** Says to the leader, now and then, that the state is missing and nothing is on its way. */
  #askForOne(nowMs: number): void {
    const { core, options, send } = this.#parts;
    const isOnItsWay = this.#install !== null || this.#isRestoring || this.#receiver.isActive;
    if (isOnItsWay || core.leaderId === 0 || nowMs < this.#askAtMs) {
      return;
    }
    this.#askAtMs = nowMs + options.heartbeatMs;
    send({
      kind: MessageKind.snapshotReply,
      from: core.id,
      to: core.leaderId,
      term: core.term,
      status: SnapshotStatus.wanted,
      id: "",
      offset: 0,
      index: core.commitIndex,
    });
  }

  #restore(): void {
    const install = this.#install;
    if (install === null || this.#isRestoring) {
      return;
    }
    this.#install = null;
    const { index } = install.base;
    const meta = this.#parts.catalog.find(index);
    if (meta === null) {
      return;
    }
    this.#isRestoring = true;
    void this.#restoreFrom(meta);
  }

  async #restoreFrom(meta: SnapshotMeta): Promise<void> {
    const { catalog, groupId, logger, target, applies, core, options } = this.#parts;
    try {
      const reader = await catalog.read(meta);
      try {
        await restoreSnapshot(reader, target);
      } finally {
        await reader.close();
      }
    } catch (error) {
      this.#isRestoring = false;
      this.#onRestoreFailed(meta, error);
      return;
    }
    this.#isRestoring = false;
    if (this.#isClosed) {
      return;
    }
    logger.info({ groupId, id: meta.id, index: meta.index }, "snapshot installed");
    applies.restored(meta);
    catalog.retain(options.snapshotKeep, core.firstIndex - 1);
    this.#parts.onInput({ kind: InputKind.applied, index: meta.index });
    this.#parts.onRestored();
    // A newer one may have come meanwhile.
    this.onPersisted(Infinity);
  }

  #onRestoreFailed(meta: SnapshotMeta, error: unknown): void {
    const isBad =
      isSnapshotDamaged(error) || isSnapshotNotFound(error) || error instanceof EnvelopeFault;
    if (isBad) {
      // The leader is asked for another one.
      this.#parts.catalog.discard(meta, error);
    } else if (!this.#isClosed) {
      const { groupId, onFailed } = this.#parts;
      const { index } = meta;
      onFailed(new RaftError({ code: "DT_RAFT_RESTORE_FAILED", groupId, index }, { cause: error }));
    }
  }

  #endWaits(end: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    waiters.forEach(end);
  }
}
