// Hot path: per flush. Bench: dt bench log --groups 100. No promises.
import type { FileSystem } from "../file-system.ts";
import type { FlushSync, WrittenFlush } from "./flush-sync.ts";
import { isOutOfSpace } from "../log-error.ts";
import { JournalPair } from "./journal-pair.ts";
import { type FlushJournal, Participant } from "./participant.ts";

export interface SharedJournalOptions {
  /** Flushes that wait or are being synced at the same time from which on they share a sync. */
  readonly hotFlushes: number;
  /** Bytes of each of the two files. */
  readonly fileBytes: number;
}

export const DEFAULT_JOURNAL_OPTIONS: SharedJournalOptions = {
  hotFlushes: 16,
  fileBytes: 32 << 20,
};

/** Larger flushes are bound by the disk's throughput, which the journal would halve. */
const MAX_FLUSH_BYTES = 64 << 10;
const MAX_WAVE_BYTES = 4 << 20;

/**
 * Makes flushes of many logs durable with one sync. The bytes of all of them, a wave, go to one file by one durable
 * write (`JournalPair`). Each log keeps its own in memory and brings them to its segment later, many at a time. After a
 * power cut the flushes are copied from the journal to their segments before any log is opened (`replayJournal`). While
 * few flushes come together each is synced in its own segment, and the journal is neither made nor used.
 */
export class SharedJournal implements FlushJournal {
  readonly #options: SharedJournalOptions;
  /** Not made until it is needed. */
  readonly #files: JournalPair;
  #isClosed = false;
  #waiting: Participant[] = [];
  /** What is in the wave that is being written. */
  #wave: Participant[] = [];
  #directCount = 0;
  #isHot = false;
  #isPumpDue = false;
  /** Flushes whose write has begun, and those of them whose write has ended, since the start. */
  #expectedCount = 0;
  #writtenCount = 0;
  /** The next wave waits for so many to be written: those that were on their way when it could have begun. */
  #waveTarget = 0;
  #onIdle: (() => void) | null = null;

  constructor(
    fileSystem: FileSystem,
    directory: string,
    storeId: Buffer,
    options: SharedJournalOptions = DEFAULT_JOURNAL_OPTIONS,
  ) {
    this.#options = options;
    this.#files = new JournalPair(fileSystem, directory, storeId, options.fileBytes);
  }

  /** Flushes share syncs at the moment. */
  get isHot(): boolean {
    return this.#isHot;
  }

  /** Waves written so far: each is one sync. */
  waves = 0;
  /** Flushes in them. */
  sharedFlushes = 0;

  /** The way of one log. `onBroken` runs when its segment cannot be synced afterwards: the log must take nothing more. */
  participant(groupId: number, onBroken: (error: Error) => void): FlushSync {
    return new Participant(this, groupId, onBroken);
  }

  /** Ends what is under way and removes the files. All logs are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#wave.length > 0 || this.#directCount > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#files.close();
  }

  /** Counts a flush that is written and synced on its own, unless flushes share syncs at the moment. */
  beginDirect(bytes: number): boolean {
    const isSmall = bytes <= MAX_FLUSH_BYTES;
    if (isSmall && !this.#files.isBroken && (this.#isHot || this.#wave.length > 0)) {
      return false;
    }
    this.#directCount++;
    if (isSmall && this.#directCount >= this.#options.hotFlushes) {
      this.#heat();
    }
    return true;
  }

  endDirect(): void {
    this.#directCount--;
    this.#tellIdle();
  }

  expect(): void {
    this.#expectedCount++;
  }

  forgo(): void {
    this.#writtenCount++;
    this.#pumpSoon();
  }

  /** Of the participant whose flush it is. */
  submit(participant: Participant): void {
    this.#writtenCount++;
    const { bytes } = participant.flush as WrittenFlush;
    const isSmall = bytes !== null && bytes.length <= MAX_FLUSH_BYTES;
    if (!isSmall || this.#files.isBroken) {
      this.#syncDirectly(participant);
    } else if (this.#isHot || this.#wave.length > 0) {
      this.#waiting.push(participant);
    } else {
      this.#syncDirectly(participant);
      if (this.#directCount >= this.#options.hotFlushes) {
        this.#heat();
      }
    }
    this.#pumpSoon();
  }

  /** Flushes of a group are in the journal only. */
  keeps(groupId: number): boolean {
    return this.#files.keeps(groupId);
  }

  /** Takes a log whose segment has been synced off the list. */
  settled(participant: Participant): void {
    this.#files.settled(participant);
  }

  #heat(): void {
    if (this.#files.isMade) {
      this.#isHot = !this.#files.isBroken;
    } else if (!this.#isClosed) {
      this.#files.make();
    }
  }

  /** Lets the flushes of this turn of the event loop come together, and those on their way. */
  #pumpSoon(): void {
    const isDue = this.#waiting.length > 0 && this.#writtenCount >= this.#waveTarget;
    if (isDue && !this.#isPumpDue && this.#wave.length === 0) {
      this.#isPumpDue = true;
      setImmediate(this.#pump);
    }
  }

  readonly #pump = (): void => {
    this.#isPumpDue = false;
    if (this.#wave.length > 0 || this.#waiting.length === 0) {
      return;
    }
    const isMany = this.#waiting.length + this.#directCount >= this.#options.hotFlushes;
    const { count, bytes } = this.#nextWave();
    if (isMany && this.#files.makeRoom(count, bytes)) {
      this.#writeWave(count);
      return;
    }
    this.#isHot = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const participant of waiting) {
      this.#syncDirectly(participant);
    }
  };

  /** The waiting flushes, or the first of them. */
  #nextWave(): { readonly count: number; readonly bytes: number } {
    let bytes = 0;
    let count = 0;
    for (const { flush } of this.#waiting) {
      const next = bytes + (flush?.bytes?.length ?? 0);
      if (count > 0 && next > MAX_WAVE_BYTES) {
        break;
      }
      bytes = next;
      count++;
    }
    return { count, bytes };
  }

  #writeWave(count: number): void {
    this.#wave = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#isHot = true;
    this.waves++;
    this.sharedFlushes += count;
    this.#files.append(this.#wave, this.#onWave);
  }

  readonly #onWave = (error: Error | null): void => {
    const wave = this.#wave;
    this.#wave = [];
    this.#isPumpDue = true; // Not before all of them have begun their next one.
    if (error === null) {
      this.#finish(wave, null);
    } else {
      this.#files.giveUp();
      this.#isHot = false;
      if (isOutOfSpace(error)) {
        for (const participant of wave) {
          this.#syncDirectly(participant, error);
        }
      } else {
        this.#finish(wave, error);
      }
    }
    // Those whose flush has just ended have begun their next one: it joins the wave that waits.
    this.#waveTarget = this.#expectedCount;
    this.#isPumpDue = false;
    // Is that most of them, they are on their way while reports make what the others and the wave behind hold.
    const isMost = this.#waiting.length * 2 >= wave.length;
    const isHot = this.#waiting.length >= this.#options.hotFlushes;
    if (isMost && isHot && this.#writtenCount >= this.#waveTarget) {
      this.#pump();
    } else {
      this.#pumpSoon();
    }
    this.#tellIdle();
  };

  #finish(wave: readonly Participant[], error: Error | null): void {
    for (const participant of wave) {
      participant.finish(error);
    }
  }

  /** With the error of a write to the journal, which may hold the flush all the same: it cannot be refused any more. */
  #syncDirectly(participant: Participant, journalError: Error | null = null): void {
    this.#directCount++;
    (participant.flush as WrittenFlush).file.sync((error) => {
      this.#directCount--;
      participant.synced(error);
      const isDoubtful = error !== null && journalError !== null;
      participant.finish(
        isDoubtful ? new Error("neither journal nor segment", { cause: error }) : error,
      );
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#wave.length === 0 && this.#directCount === 0) {
      this.#onIdle?.();
    }
  }
}
