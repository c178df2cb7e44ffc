import { InputKind } from "../../core/input.ts";
import { MessageKind, SnapshotStatus } from "../../core/message.ts";
import type { SnapshotBase } from "../../core/output.ts";
import { RaftError } from "../../errors.ts";
import {
  isSnapshotDamaged,
  isSnapshotNotFound,
  type SnapshotMeta,
} from "../../log/snapshot-store.ts";
import { EnvelopeFault } from "./envelope.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import type { SnapshotParts } from "./snapshot-parts.ts";

/** Restores the state machine from a received snapshot, once the log continues it durably. */
export class SnapshotInstaller {
  readonly #parts: SnapshotParts;
  /** The snapshot to restore from, and the write that must be durable before. */
  #install: { readonly base: SnapshotBase; readonly sequence: number } | null = null;
  #isRestoring = false;
  /** Up to here writes are durable; the core may not have heard of it yet. */
  #durableSequence = 0;
  #askAtMs = 0;
  #isClosed = false;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /** `sequence` is that of the write that makes the log continue the snapshot; 0 = it does already. */
  install(base: SnapshotBase, sequence: number): void {
    this.#install = { base, sequence };
    if (sequence === 0) {
      this.#restore();
    }
  }

  onPersisted(sequence: number): void {
    this.#durableSequence = sequence;
    if (this.#install !== null && sequence >= this.#install.sequence) {
      this.#restore();
    }
  }

  /** The state is missing: says so to the leader, now and then, unless something is on its way. */
  askForOne(nowMs: number, isReceiving: boolean): void {
    const { core, options, send } = this.#parts;
    const isOnItsWay = this.#install !== null || this.#isRestoring || isReceiving;
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
      index: core.firstIndex - 1,
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  #restore(): void {
    const install = this.#install;
    if (install === null || this.#isRestoring || this.#isClosed) {
      return;
    }
    this.#install = null;
    const { applies, catalog, core } = this.#parts;
    // An earlier restore may have brought back the state: entries are applied to it again.
    const isStateMissing = applies.appliedIndex < core.firstIndex - 1;
    const meta = catalog.find(install.base.index);
    if (meta !== null && isStateMissing) {
      this.#isRestoring = true;
      void this.#restoreFrom(meta);
    }
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
      this.#onFailed(meta, error);
      this.#restoreNewer();
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
    this.#restoreNewer();
  }

  /** Another one may have come meanwhile, and its write may be durable already: nobody says so again. */
  #restoreNewer(): void {
    if (this.#install !== null && this.#install.sequence <= this.#durableSequence) {
      this.#restore();
    }
  }

  #onFailed(meta: SnapshotMeta, error: unknown): void {
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
}
