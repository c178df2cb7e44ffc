import { SnapshotStatus, type SnapshotChunk } from "../../core/message.ts";
import type { SnapshotMeta, SnapshotStore, SnapshotWriter } from "../../log/snapshot-store.ts";
import { EnvelopeDigest } from "./envelope.ts";
import type { SnapshotSlots } from "./snapshot-slots.ts";

/** Chunks that wait for the disk, at most; a sender keeps to far less. */
const MAX_QUEUED = 64;
/** A transfer that stands still gives up its slot at once and its bytes after this many timeouts. */
const KEPT_TIMEOUTS = 20;

export interface ReceiverEvents {
  answer(chunk: SnapshotChunk, status: SnapshotStatus, offset: number): void;
  /** A whole one is in the store. */
  received(meta: SnapshotMeta): void;
  failed(error: unknown): void;
}

interface Incoming {
  readonly id: string;
  readonly index: number;
  readonly digest: EnvelopeDigest;
  writer: SnapshotWriter | null;
  position: number;
  lastMs: number;
  hasSlot: boolean;
}

/**
 * Takes the chunks of one snapshot at a time, in order, into the store. What came in stays when the
 * sender is lost: another offer of the same snapshot goes on from there.
 */
export class SnapshotReceiver {
  readonly #store: SnapshotStore;
  readonly #slots: SnapshotSlots;
  readonly #timeoutMs: number;
  readonly #events: ReceiverEvents;
  #incoming: Incoming | null = null;
  #queue: SnapshotChunk[] = [];
  #isBusy = false;
  #isClosed = false;
  #nowMs = 0;

  constructor(
    store: SnapshotStore,
    slots: SnapshotSlots,
    timeoutMs: number,
    events: ReceiverEvents,
  ) {
    this.#store = store;
    this.#slots = slots;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
  }

  /** A snapshot is on its way here. */
  get isActive(): boolean {
    return this.#incoming?.hasSlot === true;
  }

  onChunk(chunk: SnapshotChunk, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#queue.length < MAX_QUEUED && !this.#isClosed) {
      this.#queue.push(chunk);
      this.#pump();
    }
  }

  onTick(nowMs: number): void {
    this.#nowMs = nowMs;
    const incoming = this.#incoming;
    if (incoming === null || this.#isBusy) {
      return;
    }
    const idleMs = nowMs - incoming.lastMs;
    if (idleMs >= this.#timeoutMs) {
      this.#releaseSlot(incoming);
    }
    if (idleMs >= this.#timeoutMs * KEPT_TIMEOUTS) {
      this.#drop();
    }
  }

  /** What came in is of no use any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    if (!this.#isBusy) {
      this.#drop();
    }
  }

  #pump(): void {
    if (this.#isBusy) {
      return;
    }
    this.#isBusy = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      try {
        await this.#take(chunk);
      } catch (error) {
        this.#drop();
        this.#events.failed(error);
        this.#events.answer(chunk, SnapshotStatus.refused, 0);
      }
    }
    this.#isBusy = false;
    if (this.#isClosed) {
      this.#drop();
    }
  }

  async #take(chunk: SnapshotChunk): Promise<void> {
    const incoming = this.#incomingFor(chunk);
    if (incoming === null) {
      this.#events.answer(chunk, SnapshotStatus.busy, 0);
      return;
    }
    incoming.lastMs = this.#nowMs;
    if (chunk.offset !== incoming.position || chunk.bytes.length === 0) {
      const isAhead = chunk.offset > incoming.position || chunk.bytes.length === 0;
      const status = isAhead ? SnapshotStatus.rewind : SnapshotStatus.taken;
      this.#events.answer(chunk, status, incoming.position);
      return;
    }
    incoming.writer ??= await this.#store.create(metaOf(chunk));
    await incoming.writer.write(chunk.bytes);
    incoming.digest.add(chunk.bytes);
    incoming.position += chunk.bytes.length;
    if (incoming.position < chunk.byteLength) {
      this.#events.answer(chunk, SnapshotStatus.taken, incoming.position);
      return;
    }
    await this.#finish(chunk, incoming, incoming.writer);
  }

  async #finish(chunk: SnapshotChunk, incoming: Incoming, writer: SnapshotWriter): Promise<void> {
    if (!incoming.digest.isRight) {
      this.#drop();
      this.#events.answer(chunk, SnapshotStatus.refused, 0);
      return;
    }
    const meta = await writer.finish();
    this.#releaseSlot(incoming);
    this.#incoming = null;
    if (!this.#isClosed) {
      this.#events.received(meta);
      this.#events.answer(chunk, SnapshotStatus.installed, chunk.byteLength);
    }
  }

  /** The transfer that a chunk belongs to, with a slot; null when it cannot be taken now. */
  #incomingFor(chunk: SnapshotChunk): Incoming | null {
    let incoming = this.#incoming;
    if (incoming !== null && incoming.id !== chunk.id) {
      if (chunk.index < incoming.index && incoming.hasSlot) {
        return null;
      }
      this.#drop();
      incoming = null;
    }
    if (incoming?.hasSlot !== true && !this.#slots.takeReceive()) {
      return null;
    }
    if (incoming === null) {
      const { id, index } = chunk;
      const digest = new EnvelopeDigest();
      incoming = { id, index, digest, writer: null, position: 0, lastMs: 0, hasSlot: true };
      this.#incoming = incoming;
    }
    incoming.hasSlot = true;
    return incoming;
  }

  #drop(): void {
    const incoming = this.#incoming;
    this.#incoming = null;
    if (incoming !== null) {
      this.#releaseSlot(incoming);
      incoming.writer?.abort().catch((error: unknown) => this.#events.failed(error));
    }
  }

  #releaseSlot(incoming: Incoming): void {
    if (incoming.hasSlot) {
      incoming.hasSlot = false;
      this.#slots.releaseReceive();
    }
  }
}

function metaOf(chunk: SnapshotChunk): Omit<SnapshotMeta, "byteLength"> {
  const { id, index, indexTerm, chain, timestampMs, membership, membershipIndex } = chunk;
  return { id, index, term: indexTerm, chain, timestampMs, membership, membershipIndex };
}
