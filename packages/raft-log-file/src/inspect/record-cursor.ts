// Hot path: per record of a comparison. No promises but one per flush.
import {
  type EntryBatch,
  RECORD_HEADER_BYTES,
  recordHeaderCrc,
  recordLength,
  storedBytes,
} from "@dt/raft";
import type { FileSystem } from "../file-system.ts";
import { LogError } from "../log-error.ts";
import { type ScannedBatch, scanLog } from "./scan-log.ts";

/** Steps through the records of one copy of a log. */
export class RecordCursor {
  readonly directory: string;
  /** The record that the cursor is at; 0 before the first. */
  index = 0;
  term = 0;
  chain = 0;
  payloadBytes = 0;
  /** Of the copy; 0 while no record was seen. */
  firstIndex = 0;
  /** Why the copy ends where it does; null for an end that is none. */
  damage: LogError | null = null;
  readonly #batches: AsyncGenerator<ScannedBatch, void>;
  #batch: EntryBatch | null = null;
  #at = 0;
  #nextIndex = 0;

  /** `onSegment` runs behind the last record of each segment. */
  constructor(fileSystem: FileSystem, directory: string, onSegment?: () => void) {
    this.directory = directory;
    this.#batches = scanLog(fileSystem, directory, onSegment);
  }

  /** Goes to the next record inside the batch that is loaded; false when `load` has to come first. */
  step(): boolean {
    const batch = this.#batch;
    if (batch === null || this.#at === batch.bytes.length) {
      return false;
    }
    const length = recordLength(batch.bytes, this.#at);
    this.index = this.#nextIndex++;
    this.term = batch.term;
    this.chain = recordHeaderCrc(batch.bytes, this.#at);
    this.payloadBytes = length - RECORD_HEADER_BYTES;
    this.#at += storedBytes(length);
    return true;
  }

  /** Loads the next batch; false at the end of the copy. */
  async load(): Promise<boolean> {
    try {
      const next = await this.#batches.next();
      this.#batch = next.done === true ? null : next.value.batch;
    } catch (error) {
      if (!(error instanceof LogError)) {
        throw error;
      }
      this.damage = error;
      this.#batch = null;
    }
    this.#at = 0;
    this.#nextIndex = this.#batch?.firstIndex ?? 0;
    this.firstIndex ||= this.#nextIndex;
    return this.#batch !== null;
  }

  /** Lets go of the files. */
  async close(): Promise<void> {
    await this.#batches.return();
  }
}
