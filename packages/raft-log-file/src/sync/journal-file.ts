// Hot path: per wave of flushes. Bench: dt bench log --groups 100.
import { crc32 } from "@dt/codec";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { removeIfThere, syncFile, writeAll, writeFrom } from "../file-io.ts";
import type { Done, FileSystem, StoredFile } from "../file-system.ts";
import {
  encodeJournalHeader,
  JOURNAL_BLOCK_BYTES,
  journalFrameBytes,
  sealFrame,
  tableBytes,
  writeExtent,
} from "../format/journal-format.ts";
import { SALT_BYTES } from "../format/segment-header.ts";
import type { WrittenFlush } from "./flush-sync.ts";

export const JOURNAL_NAMES: readonly string[] = ["journal-0", "journal-1"];

/** Zeros written at a time when a file is made. */
const FILL_BYTES = 1 << 20;

/** A flush whose bytes are in one piece. */
export interface JournaledFlush extends WrittenFlush {
  readonly bytes: Buffer;
}

/**
 * One of the two files of a journal, written from front to end again and again. Its space is allocated and
 * synced before the first use: a sync that has to commit metadata holds up the writes of all segments.
 */
export class JournalFile {
  readonly path: string;
  /** One call writes and syncs: the thread of the event loop makes the next wave meanwhile. */
  readonly #file: StoredFile;
  readonly #fileBytes: number;
  #staged: Buffer = Buffer.allocUnsafeSlow(64 << 10);
  #seed = 0;
  #position = JOURNAL_BLOCK_BYTES;
  /** Bytes of the header that go in front of the next frame. */
  #headerBytes = 0;
  frameCount = 0;

  private constructor(path: string, file: StoredFile, fileBytes: number) {
    this.path = path;
    this.#file = file;
    this.#fileBytes = fileBytes;
  }

  static async create(
    fileSystem: FileSystem,
    path: string,
    fileBytes: number,
  ): Promise<JournalFile> {
    const file = await fileSystem.open(path, "create");
    try {
      const zeros = Buffer.alloc(Math.min(FILL_BYTES, fileBytes));
      for (let at = 0; at < fileBytes; at += zeros.length) {
        await writeFrom(file, zeros, 0, Math.min(zeros.length, fileBytes - at), at);
      }
      await syncFile(file);
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return new JournalFile(path, await fileSystem.open(path, "durable"), fileBytes);
  }

  /** Starts over: what stands in the file is not needed any more. */
  begin(storeId: Buffer, epoch: number, framesBefore: number): void {
    const header = { storeId, epoch, framesBefore, salt: randomBytes(SALT_BYTES) };
    this.#seed = encodeJournalHeader(header, this.#staged, 0);
    this.#headerBytes = JOURNAL_BLOCK_BYTES;
    this.#position = JOURNAL_BLOCK_BYTES;
    this.frameCount = 0;
  }

  /** Whether a frame with so many flushes and so many bytes of theirs fits behind the last one. */
  hasRoom(flushCount: number, bytes: number): boolean {
    return this.#position + journalFrameBytes(flushCount, bytes) <= this.#fileBytes;
  }

  /** Writes flushes as one frame and syncs it; the one before has been reported. */
  append(groupIds: readonly number[], flushes: readonly JournaledFlush[], done: Done): void {
    const at = this.#headerBytes;
    let contentBytes = 0;
    for (const { bytes } of flushes) {
      contentBytes += bytes.length;
    }
    const end = at + journalFrameBytes(flushes.length, contentBytes);
    this.#reserve(end);
    const staged = this.#staged;
    let contentAt = at + tableBytes(flushes.length);
    for (let i = 0; i < flushes.length; i++) {
      const flush = flushes[i] as JournaledFlush;
      const length = flush.bytes.length;
      staged.set(flush.bytes, contentAt);
      const crc = crc32(staged, contentAt, contentAt + length);
      writeExtent(staged, at, i, groupIds[i] as number, flush, length, crc);
      contentAt += length;
    }
    this.frameCount++;
    sealFrame(staged, at, this.#seed, this.frameCount, flushes.length, contentBytes);
    const position = this.#position;
    this.#position += end - at;
    this.#headerBytes = 0;
    if (at === 0) {
      this.#writeSynced(0, end, position, done);
      return;
    }
    // The header by itself: torn, both together may leave the old one in front of frames that are gone.
    this.#writeSynced(0, at, 0, (error) => {
      if (error === null) {
        this.#writeSynced(at, end, position, done);
      } else {
        done(error);
      }
    });
  }

  #writeSynced(start: number, end: number, position: number, done: Done): void {
    writeAll(this.#file, this.#staged, start, end, position, done);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #reserve(bytes: number): void {
    if (this.#staged.length < bytes) {
      const larger = Buffer.allocUnsafeSlow(bytes * 2);
      this.#staged.copy(larger, 0, 0, this.#headerBytes);
      this.#staged = larger;
    }
  }
}

/** Removes the files of a journal that nothing needs any more. */
export async function removeJournal(fileSystem: FileSystem, directory: string): Promise<void> {
  for (const name of JOURNAL_NAMES) {
    await removeIfThere(fileSystem, join(directory, name));
  }
  await fileSystem.syncDirectory(directory);
}
