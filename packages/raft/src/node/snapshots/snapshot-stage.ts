import { InputKind } from "../../core/input.ts";
import {
  MessageKind,
  type NodeId,
  type SnapshotChunk,
  type SnapshotReply,
  SnapshotStatus,
} from "../../core/message.ts";
import { Role, type SnapshotBase, type SnapshotWork } from "../../core/output.ts";
import type { SnapshotMeta } from "../../log/snapshot-store.ts";
import { SnapshotInstaller } from "./snapshot-installer.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";
import type { SnapshotParts } from "./snapshot-parts.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";

/** Everything a group does about snapshots: takes, keeps, sends, receives and installs them. */
export class SnapshotStage {
  readonly #parts: SnapshotParts;
  readonly #keeper: SnapshotKeeper;
  readonly #installer: SnapshotInstaller;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  #isClosed = false;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
    const { core, catalog, slots, options, clock, logger, groupId } = parts;
    this.#keeper = new SnapshotKeeper(parts, () => this.#sender.onSnapshot());
    this.#installer = new SnapshotInstaller(parts);
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
      nowMs: () => clock.nowMs(),
      term: () => core.term,
      isUsable: ({ index }) => index >= core.firstIndex - 1,
      isFollower: (id) => core.role === Role.leader && core.progress().some((p) => p.id === id),
      build: () => this.#keeper.want(),
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
      const isWanted = ({ from, status }: SnapshotReply): boolean =>
        from === to && status === SnapshotStatus.wanted;
      this.#sender.start(to, work.replies.find(isWanted)?.index ?? 0);
    }
    for (const chunk of work.chunks) {
      this.#receiver.onChunk(chunk, this.#parts.clock.nowMs());
    }
    for (const reply of work.replies) {
      this.#sender.onReply(reply);
    }
    if (work.install !== null) {
      this.#installer.install(work.install, sequence);
    }
  }

  onPersisted(sequence: number): void {
    this.#installer.onPersisted(sequence);
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
      const { firstIndex } = log;
      onInput({ kind: InputKind.headDropped, firstIndex });
    }
    if (core.isStateMissing) {
      this.#installer.askForOne(nowMs, this.#receiver.isActive);
      this.#keeper.expire(nowMs, "the state is missing: the leader's snapshot is waited for");
    } else {
      this.#keeper.onTick(nowMs);
    }
  }

  /** Takes one at the next tick, whatever the policy says; resolves when it is durable. */
  take(): Promise<SnapshotMeta> {
    return this.#keeper.take();
  }

  close(): void {
    this.#isClosed = true;
    this.#sender.stopAll();
    this.#receiver.close();
    this.#installer.close();
    this.#keeper.close();
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
    this.#keeper.received(meta);
    const { index, term, chain, membership, membershipIndex } = meta;
    const base: SnapshotBase = { index, term, chain, membership, membershipIndex };
    this.#parts.onInput({ kind: InputKind.snapshotReceived, base });
  }
}
