import {
  MessageKind,
  type NodeId,
  type SnapshotChunk,
  type SnapshotReply,
  SnapshotStatus,
} from "../../core/message.ts";
import type { SnapshotMeta, SnapshotReader } from "../../log/snapshot-store.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

export interface TransferLimits {
  readonly chunkBytes: number;
  readonly windowChunks: number;
  readonly timeoutMs: number;
}

export interface TransferEvents {
  /** False when the message was dropped at once. */
  send(chunk: SnapshotChunk): boolean;
  /** The follower holds everything up to `index`. */
  done(index: number): void;
  /** The follower cannot take it now. */
  postponed(): void;
  failed(error: unknown): void;
}

/**
 * Sends one snapshot to one follower: an offer, whose answer tells where to begin, then chunks, a few
 * ahead of their answers. It never begins anew by itself: whoever ends it starts another one, and
 * that goes on where this one came to.
 */
export class SnapshotTransfer {
  readonly to: NodeId;
  readonly meta: SnapshotMeta;
  readonly #reader: SnapshotReader;
  readonly #from: NodeId;
  readonly #term: number;
  readonly #limits: TransferLimits;
  readonly #events: TransferEvents;
  #isStarted = false;
  #isEnded = false;
  #isReading = false;
  /** The follower has everything before. */
  #acked = 0;
  #next = 0;
  #progressMs: number;

  constructor(
    route: { readonly from: NodeId; readonly to: NodeId; readonly term: number },
    reader: SnapshotReader,
    limits: TransferLimits,
    events: TransferEvents,
    nowMs: number,
  ) {
    this.to = route.to;
    this.#from = route.from;
    this.#term = route.term;
    this.meta = reader.meta;
    this.#reader = reader;
    this.#limits = limits;
    this.#events = events;
    this.#progressMs = nowMs;
  }

  /** Offers it. */
  begin(): void {
    this.#sendChunk(0, NO_BYTES);
  }

  onReply(reply: SnapshotReply, nowMs: number): void {
    if (this.#isEnded || reply.id !== this.meta.id) {
      return;
    }
    switch (reply.status) {
      case SnapshotStatus.installed:
        this.#end();
        this.#events.done(reply.index);
        return;
      case SnapshotStatus.busy:
        this.#end();
        this.#events.postponed();
        return;
      case SnapshotStatus.refused:
        this.#fail(new Error("the follower refused the snapshot"));
        return;
      case SnapshotStatus.taken:
      case SnapshotStatus.rewind:
        this.#onPosition(reply, nowMs);
        return;
      case SnapshotStatus.wanted:
        return;
    }
  }

  onTick(nowMs: number): void {
    if (!this.#isEnded && nowMs - this.#progressMs >= this.#limits.timeoutMs) {
      this.#fail(new Error(`no answer at offset ${this.#acked} of ${this.meta.byteLength}`));
    }
  }

  onUnreachable(): void {
    this.#fail(new Error("the follower is not reachable"));
  }

  /** Ends it without telling anybody. */
  close(): void {
    this.#end();
  }

  #onPosition(reply: SnapshotReply, nowMs: number): void {
    const offset = Math.min(reply.offset, this.meta.byteLength);
    if (reply.status === SnapshotStatus.rewind || !this.#isStarted) {
      this.#next = offset;
      this.#acked = offset;
    } else if (offset > this.#acked) {
      this.#acked = offset;
      this.#next = Math.max(this.#next, offset);
    }
    this.#isStarted = true;
    this.#progressMs = nowMs;
    this.#pump();
  }

  #pump(): void {
    const { chunkBytes, windowChunks } = this.#limits;
    const hasRoom = this.#next - this.#acked < chunkBytes * windowChunks;
    if (this.#isReading || this.#isEnded || !hasRoom || this.#next >= this.meta.byteLength) {
      return;
    }
    this.#isReading = true;
    const offset = this.#next;
    this.#reader.read(offset, chunkBytes).then(
      (bytes) => {
        this.#isReading = false;
        if (!this.#isEnded && offset === this.#next && this.#sendChunk(offset, bytes)) {
          this.#next += bytes.length;
        }
        this.#pump();
      },
      (error: unknown) => {
        this.#isReading = false;
        this.#fail(error);
      },
    );
  }

  #sendChunk(offset: number, bytes: Buffer): boolean {
    const { id, index, term, chain, timestampMs, membership, membershipIndex } = this.meta;
    const isSent = this.#events.send({
      kind: MessageKind.snapshotChunk,
      from: this.#from,
      to: this.to,
      term: this.#term,
      id,
      index,
      indexTerm: term,
      chain,
      timestampMs,
      membership,
      membershipIndex,
      byteLength: this.meta.byteLength,
      offset,
      bytes,
    });
    if (!isSent) {
      this.#fail(new Error("the follower is not connected"));
    }
    return isSent;
  }

  #fail(error: unknown): void {
    if (!this.#isEnded) {
      this.#end();
      this.#events.failed(error);
    }
  }

  #end(): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#reader.close().catch(() => {
        // Nothing was written through it.
      });
    }
  }
}
