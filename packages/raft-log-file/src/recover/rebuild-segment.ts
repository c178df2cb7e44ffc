import { type EntryBatch, sliceBatch } from "@dt/raft";
import { basename, dirname, join } from "node:path";
import { BROKEN_SUFFIX, NEXT_NAME } from "../directory/log-directory.ts";
import { readInto, removeIfThere, syncFile, writeFrom } from "../file-io.ts";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { FRAME_BYTES, writeFrame } from "../format/flush-frame.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import { newSegment, Segment } from "../segment/segment.ts";
import { type DamageSite, scanThrough, type SegmentLimit } from "./damage.ts";

const CHUNK_BYTES = 1 << 20;

/** A gap of a segment and the entries that belong there. */
export interface FilledGap {
  readonly site: DamageSite;
  /** All entries of the gap, in order. */
  readonly batches: readonly EntryBatch[];
}

/**
 * Writes a segment anew, with its gaps filled, and puts it in the place of the damaged one, at once and
 * durably. What stood in the gaps is kept beside it. A crash leaves the damaged one or the new one.
 */
export async function rebuildSegment(
  fileSystem: FileSystem,
  damaged: Segment,
  limit: SegmentLimit | null,
  gaps: readonly FilledGap[],
): Promise<void> {
  const { path, header } = damaged;
  const directory = dirname(path);
  const temporary = join(directory, NEXT_NAME);
  const from = await fileSystem.open(path, "read");
  try {
    for (const { site } of gaps) {
      await keepBroken(fileSystem, from, site);
    }
    await removeIfThere(fileSystem, temporary);
    const to = await fileSystem.open(temporary, "create");
    try {
      const writer = new FlushWriter(to);
      const fields = { ...header, isRecycled: false };
      await writer.begin(newSegment(directory, fields, writer.header));
      const scanned = new Segment(path, header, damaged.seed);
      for await (const { flush, gap } of scanThrough(from, scanned, limit)) {
        const filled = gap === null ? null : fillerOf(gaps, gap);
        const batches = flush?.batches ?? filled ?? [];
        await writer.write(batchesUpTo(batches, limit?.index ?? Infinity));
        scanned.nextIndex = (gap ?? batches.at(-1))?.lastIndex ?? scanned.nextIndex - 1;
        scanned.nextIndex++;
        scanned.lastChain = (gap ?? batches.at(-1))?.chain ?? scanned.lastChain;
      }
      if (limit === null) {
        await writer.write(fillerAfter(gaps, scanned.nextIndex));
      }
      await syncFile(to);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(directory);
}

function fillerOf(gaps: readonly FilledGap[], gap: DamageSite): readonly EntryBatch[] | undefined {
  return gaps.find(({ site }) => site.firstIndex === gap.firstIndex)?.batches;
}

/** The entries behind everything that the file shows; their place is known from the mark alone. */
function fillerAfter(gaps: readonly FilledGap[], nextIndex: number): readonly EntryBatch[] {
  return gaps.find(({ site }) => site.firstIndex === nextIndex)?.batches ?? [];
}

function batchesUpTo(batches: readonly EntryBatch[], limit: number): EntryBatch[] {
  return batches
    .filter((batch) => batch.firstIndex < limit)
    .map((batch) => sliceBatch(batch, batch.firstIndex, Math.min(batch.lastIndex, limit - 1)));
}

/** Keeps what stands in a gap, for whoever wants to know what happened. */
async function keepBroken(
  fileSystem: FileSystem,
  from: StoredFile,
  { file, offset, endOffset }: DamageSite,
): Promise<void> {
  const name = `${basename(file)}.${String(offset).padStart(10, "0")}${BROKEN_SUFFIX}`;
  const path = join(dirname(file), name);
  await removeIfThere(fileSystem, path);
  const to = await fileSystem.open(path, "create");
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let at = offset; at < endOffset; at += CHUNK_BYTES) {
      const bytes = await readInto(from, chunk, 0, Math.min(CHUNK_BYTES, endOffset - at), at);
      await writeFrom(to, chunk, 0, bytes, at - offset);
    }
    await syncFile(to);
  } finally {
    await to.close();
  }
}

/** Writes flushes one behind the other into a new file. */
class FlushWriter {
  readonly header: Buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
  readonly #file: StoredFile;
  #segment: Segment | null = null;
  #offset = SEGMENT_HEADER_BYTES;
  #number = 0;

  constructor(file: StoredFile) {
    this.#file = file;
  }

  async begin(segment: Segment): Promise<void> {
    this.#segment = segment;
    await writeFrom(this.#file, this.header, 0, this.header.length, 0);
  }

  /** Each batch as a flush of its own. */
  async write(batches: readonly EntryBatch[]): Promise<void> {
    const frame = Buffer.alloc(FRAME_BYTES);
    const seed = this.#segment?.seed ?? 0;
    for (const { bytes, firstIndex, prevChain } of batches) {
      writeFrame(frame, 0, seed, ++this.#number, firstIndex, prevChain, bytes.length);
      await writeFrom(this.#file, frame, 0, FRAME_BYTES, this.#offset);
      await writeFrom(this.#file, bytes, 0, bytes.length, this.#offset + FRAME_BYTES);
      this.#offset += FRAME_BYTES + bytes.length;
    }
  }
}
