import { type EntryBatch, sliceBatch } from "../entry/entry-batch.ts";
import type { LogState, TermRun } from "./log-state.ts";
import type { HardState, Write } from "./output.ts";

/** What a node finds when it starts again. Immutable. */
export interface Disk {
  readonly hardState: HardState;
  readonly log: readonly EntryBatch[];
}

/** How far the oldest pending write got when its node crashed. */
export const Torn = { nothing: 0, hardState: 1, truncation: 2, firstEntry: 3, all: 4 } as const;
export type Torn = (typeof Torn)[keyof typeof Torn];

/** The disk after `write`, as far as it got. */
export function stored(disk: Disk, write: Write, torn: Torn): Disk {
  let { hardState, log } = disk;
  if (torn >= Torn.hardState && write.hardState !== null) {
    hardState = write.hardState;
  }
  if (torn >= Torn.truncation && write.truncateFrom > 0) {
    log = log.flatMap((batch) => cutFrom(batch, write.truncateFrom));
  }
  if (torn === Torn.all) {
    log = log.concat(write.batches);
  } else if (torn === Torn.firstEntry) {
    const [first] = write.batches;
    log = first === undefined ? log : log.concat(cutFrom(first, first.firstIndex + 1));
  }
  return { hardState, log };
}

/** Term of the stored entry at `index`; -1 when there is none. */
export function storedTerm(disk: Disk, index: number): number {
  for (const batch of disk.log) {
    if (batch.firstIndex <= index && index <= batch.lastIndex) {
      return batch.term;
    }
  }
  return -1;
}

export function logStateOf({ hardState, log }: Disk): LogState {
  const termRuns: TermRun[] = [];
  for (const { firstIndex, term } of log) {
    if (termRuns.at(-1)?.term !== term) {
      termRuns.push({ firstIndex, term });
    }
  }
  const last = log.at(-1);
  const lastIndex = last?.lastIndex ?? 0;
  const lastChain = last?.chain ?? 0;
  const start = { prevIndex: 0, prevTerm: 0, prevChain: 0, configs: [] };
  return { hardState, firstIndex: 1, lastIndex, lastChain, termRuns, ...start };
}

export function describeBatch(batch: EntryBatch): string {
  return `${batch.firstIndex}-${batch.lastIndex}:${batch.chain}`;
}

export function describeDisk({ hardState, log }: Disk): string {
  return `${describeHardState(hardState)} ${log.at(-1)?.chain ?? 0}`;
}

export function describeWrite(write: Write): string {
  const entries = write.batches.map(describeBatch).join(" ");
  return `${describeHardState(write.hardState)} ${write.truncateFrom} ${entries}`;
}

function describeHardState(hardState: HardState | null): string {
  return hardState === null ? "-" : `${hardState.term} ${hardState.vote} ${hardState.commitIndex}`;
}

/** What is left of `batch` when the entries at and above `index` are dropped. */
function cutFrom(batch: EntryBatch, index: number): EntryBatch[] {
  const lastIndex = Math.min(batch.lastIndex, index - 1);
  return lastIndex < batch.firstIndex ? [] : [sliceBatch(batch, batch.firstIndex, lastIndex)];
}
