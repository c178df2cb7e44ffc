// Hot path: per wave of flushes. Bench: dt bench log --groups 100. No promises, but where files are begun.
import { join } from "node:path";
import { closeAll, removeIfThere } from "../file-io.ts";
import type { Done, FileSystem } from "../file-system.ts";
import { JOURNAL_NAMES, JournalFile, type JournaledFlush, removeJournal } from "./journal-file.ts";
import type { Participant } from "./participant.ts";

/** Segments synced at a time when a file is to be used again. */
const CHECKPOINT_WIDTH = 4;

/** A file, and the logs that need it: their segments were not synced since. */
interface JournalPart {
  readonly file: JournalFile;
  readonly dirty: Set<Participant>;
  /** Its segments are being synced. */
  isBusy: boolean;
}

/**
 * The two files of a journal, which take turns: while one is written, the segments whose flushes the other holds are
 * written and synced, and then that one is begun anew.
 */
export class JournalPair {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #storeId: Buffer;
  readonly #fileBytes: number;
  /** None until they are needed, then two; the first one is written to. */
  #parts: readonly JournalPart[] = [];
  #making: Promise<void> | null = null;
  #epoch = 0;
  #isBroken = false;

  constructor(fileSystem: FileSystem, directory: string, storeId: Buffer, fileBytes: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#storeId = storeId;
    this.#fileBytes = fileBytes;
  }

  /** There is a file to write to. */
  get isMade(): boolean {
    return this.#parts.length > 0;
  }

  /** Nothing more goes there: the files could not be made, or `giveUp`. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Begins to make the files, unless that was begun before. */
  make(): void {
    this.#making ??= this.#make();
  }

  /** After a failed write: what the file holds is not known. */
  giveUp(): void {
    this.#isBroken = true;
  }

  /** Whether so many flushes of so many bytes together fit, after a change to the other file where it needs one. */
  makeRoom(flushCount: number, bytes: number): boolean {
    const [current, other] = this.#parts;
    if (current === undefined || this.#isBroken) {
      return false;
    }
    if (current.file.hasRoom(flushCount, bytes)) {
      return true;
    }
    if (other === undefined || other.isBusy || other.dirty.size > 0) {
      return false;
    }
    other.file.begin(this.#storeId, ++this.#epoch, current.file.frameCount);
    this.#parts = [other, current];
    this.#checkpoint(current);
    return other.file.hasRoom(flushCount, bytes);
  }

  /** Makes the flushes of these logs durable with one write. After `makeRoom`, one call at a time. */
  append(wave: readonly Participant[], done: Done): void {
    const { file, dirty } = this.#parts[0] as JournalPart;
    const groupIds: number[] = [];
    const flushes: JournaledFlush[] = [];
    for (const participant of wave) {
      dirty.add(participant);
      participant.isJournaled = true;
      groupIds.push(participant.groupId);
      flushes.push(participant.flush as JournaledFlush);
    }
    file.append(groupIds, flushes, done);
  }

  /** Takes a log whose segment has been synced off the lists. */
  settled(participant: Participant): void {
    participant.isJournaled = false;
    for (const { dirty } of this.#parts) {
      dirty.delete(participant);
    }
  }

  /** A log of this group is on the lists. */
  keeps(groupId: number): boolean {
    return this.#parts.some(({ dirty }) => [...dirty].some((each) => each.groupId === groupId));
  }

  /** Removes the files, unless a log whose segment could not be synced needs what they hold. Nothing is being written. */
  async close(): Promise<void> {
    await this.#making;
    const parts = this.#parts;
    this.#parts = [];
    await closeAll(
      parts.map(
        ({ file }) =>
          () =>
            file.close(),
      ),
    );
    if (this.#making !== null && parts.every(({ dirty }) => dirty.size === 0)) {
      await removeJournal(this.#fileSystem, this.#directory);
    }
  }

  /** The first file is used while the second is made. */
  async #make(): Promise<void> {
    try {
      for (const name of JOURNAL_NAMES) {
        const path = join(this.#directory, name);
        await removeIfThere(this.#fileSystem, path);
        const file = await JournalFile.create(this.#fileSystem, path, this.#fileBytes);
        try {
          await this.#fileSystem.syncDirectory(this.#directory);
        } catch (error) {
          await file.close();
          throw error;
        }
        if (this.#parts.length === 0) {
          file.begin(this.#storeId, ++this.#epoch, 0);
        }
        this.#parts = [...this.#parts, { file, dirty: new Set<Participant>(), isBusy: false }];
      }
    } catch {
      // Without a journal each flush is synced by itself, which is slower and not wrong.
      this.#isBroken = true;
    }
  }

  /** Syncs the segments whose flushes a file holds, so that it can be used again. */
  #checkpoint(part: JournalPart): void {
    part.isBusy = true;
    const left = [...part.dirty];
    const next = async (): Promise<void> => {
      for (let participant = left.pop(); participant !== undefined; participant = left.pop()) {
        if (part.dirty.has(participant) && (await participant.checkpoint())) {
          part.dirty.delete(participant);
        }
      }
    };
    // A log whose segment cannot be synced stays on the list: the file is kept for it, and not used again.
    void Promise.all(Array.from({ length: CHECKPOINT_WIDTH }, next)).then(() => {
      part.isBusy = false;
    });
  }
}
