import { BatchBuilder } from "../entry/batch-builder.ts";
import type { EntryBatch } from "../entry/entry-batch.ts";
import { EntryType } from "../entry/record.ts";

/** Bytes that an entry made here takes. */
export const ENTRY_BYTES = 48;

/** A log by its terms: `entries(1, 1, 2)` is 1:1 1:2 2:3. One batch per run of equal terms. */
export function entries(...terms: number[]): EntryBatch[] {
  return entriesAfter(null, ...terms);
}

/** Entries of `terms` that follow `previous`. */
export function entriesAfter(previous: EntryBatch | null, ...terms: number[]): EntryBatch[] {
  const builder = new BatchBuilder(1 << 12);
  const batches: EntryBatch[] = [];
  let last = previous;
  for (const [at, term] of terms.entries()) {
    builder.add(EntryType.normal, 1, Buffer.from([term]), 0, 1);
    if (terms[at + 1] !== term) {
      const firstIndex = (last?.lastIndex ?? 0) + 1;
      batches.push(...builder.seal(firstIndex, term, 1, last?.chain ?? 0));
      last = batches.at(-1) ?? null;
    }
  }
  return batches;
}

/** One batch of `count` entries of `entryBytes` each, header included, at the given position. */
export function batchOf(
  count: number,
  entryBytes: number,
  firstIndex: number,
  term: number,
  prevChain: number,
): EntryBatch {
  const builder = new BatchBuilder(count * entryBytes);
  const payload = Buffer.alloc(entryBytes - 40, 0x61);
  for (let i = 0; i < count; i++) {
    builder.add(EntryType.normal, 1, payload, 0, payload.length);
  }
  const [batch] = builder.seal(firstIndex, term, 1, prevChain);
  if (batch === undefined) {
    throw new Error("a batch has entries");
  }
  return batch;
}

/** `[firstIndex, lastIndex]` of each batch. */
export function ranges(batches: readonly EntryBatch[] | null): [number, number][] | null {
  return batches?.map((batch) => [batch.firstIndex, batch.lastIndex]) ?? null;
}
