// Hot path: per flush. Bench: dt bench log --groups 100.
import { syncFile } from "../file-io.ts";
import type { Done } from "../file-system.ts";
import { isOutOfSpace } from "../log-error.ts";
import type { FlushSync, Synced, WrittenFlush } from "./flush-sync.ts";

/** What a participant needs of its journal. */
export interface FlushJournal {
  readonly isHot: boolean;
  beginDirect(bytes: number): boolean;
  endDirect(): void;
  expect(): void;
  forgo(): void;
  /** Makes the participant's `flush` durable and finishes it. */
  submit(participant: Participant): void;
  /** Its segment has been synced: nothing of it is in the journal only. */
  settled(participant: Participant): void;
}

/** One log's side of a journal. */
export class Participant implements FlushSync {
  readonly groupId: number;
  readonly #journal: FlushJournal;
  readonly #onBroken: (error: Error) => void;
  flush: WrittenFlush | null = null;
  #done: Done | null = null;
  /** Some of its flushes are in the journal only. */
  isJournaled = false;
  /** A sync of its segment failed: one that succeeds later does not tell that the segment has what the journal has. */
  #isBroken = false;
  /** Its segment is closed soon. */
  #hasLeft = false;
  /** The segment that the last flush went to. */
  #file: Synced | null = null;
  #syncing: Promise<unknown> = Promise.resolve();

  constructor(journal: FlushJournal, groupId: number, onBroken: (error: Error) => void) {
    this.#journal = journal;
    this.groupId = groupId;
    this.#onBroken = onBroken;
  }

  get isShared(): boolean {
    return this.#journal.isHot;
  }

  /** Such a write makes only its own bytes durable: not while others of the segment are in the journal only. */
  begin(bytes: number): boolean {
    return !this.isJournaled && this.#journal.beginDirect(bytes);
  }

  ended(): void {
    this.#journal.endDirect();
  }

  expect(): void {
    this.#journal.expect();
  }

  forgo(): void {
    this.#journal.forgo();
  }

  sync(flush: WrittenFlush, done: Done): void {
    this.flush = flush;
    this.#done = done;
    this.#file = flush.file;
    this.#journal.submit(this);
  }

  async settle(): Promise<void> {
    await this.#syncing;
    if (this.isJournaled && this.#file !== null) {
      await syncFile(this.#file);
      if (this.#isBroken) {
        throw new Error("an earlier sync of the segment failed");
      }
      this.#journal.settled(this);
    }
    this.#file = null;
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    // The journal keeps what cannot be settled: the next open of the directory copies it to the segment.
    await this.settle().catch(() => {});
  }

  /** Its segment was synced by itself for the flush, with everything before it. */
  synced(error: Error | null): void {
    if (error !== null) {
      this.#isBroken ||= !isOutOfSpace(error);
    } else if (this.isJournaled && !this.#isBroken) {
      this.#journal.settled(this);
    }
  }

  /** Reports the flush. */
  finish(error: Error | null): void {
    const done = this.#done;
    this.#done = null;
    this.flush = null;
    done?.(error);
  }

  /** Syncs the segment; false when that cannot be done any more, or failed, and then the log is told. */
  async checkpoint(): Promise<boolean> {
    const file = this.#file;
    if (this.#hasLeft || this.#isBroken) {
      return false;
    }
    if (file === null) {
      return true;
    }
    const syncing = syncFile(file);
    this.#syncing = syncing.catch(() => {}); // Told to the log below.
    try {
      await syncing;
      return true;
    } catch (error) {
      // Out of space, what the journal holds for it stays there and in memory until a later flush finds some.
      if (!isOutOfSpace(error as Error)) {
        this.#isBroken = true;
        this.#onBroken(error as Error);
      }
      return false;
    }
  }
}
