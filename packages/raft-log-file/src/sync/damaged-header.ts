import {
  frameAt,
  JOURNAL_BLOCK_BYTES,
  journalExtentBytes,
  type JournalHeader,
  journalSeeds,
  startsFrame,
  startsHeader,
} from "../format/journal-format.ts";
import { LogError } from "../log-error.ts";

/** A journal's header, or what is known without it. */
export interface FoundHeader {
  readonly header: JournalHeader;
  readonly seed: number;
  readonly extentBytes: number;
}

/**
 * What a journal without a whole header begins with. The header had been synced before the first frame was written: frames
 * that go with what is left of it had been acknowledged. They are copied before those of the other file; which of
 * the two is the older one does not matter for that, nor whether they had been copied before. Null where there are none, as
 * when the power went while the file was begun anew. Throws DT_LOG_CORRUPT for frames behind what cannot have been torn.
 */
export function guessHeader(bytes: Buffer, path: string, storeId: Buffer): FoundHeader | null {
  if (bytes.length < 2 * JOURNAL_BLOCK_BYTES) {
    return null;
  }
  for (const seed of journalSeeds(bytes)) {
    for (const extentBytes of journalExtentBytes) {
      if (frameAt(bytes, JOURNAL_BLOCK_BYTES, seed, extentBytes)?.number === 1) {
        const header = { storeId, epoch: 0, framesBefore: 0, salt: Buffer.alloc(0) };
        return { header, seed, extentBytes };
      }
    }
  }
  // A header that is written over another one of this store never begins otherwise, however it was torn.
  if (startsFrame(bytes, JOURNAL_BLOCK_BYTES) && !startsHeader(bytes, storeId)) {
    throw damagedFrame(path, 0);
  }
  return null;
}

/** Some of what a journal held had been acknowledged, and it cannot be told what. */
export function damagedFrame(file: string, offset: number): LogError {
  const reason = "a frame of the journal that was acknowledged fails its checksum";
  return new LogError({ code: "DT_LOG_CORRUPT", file, offset, index: 0, reason });
}
