import type { HardState } from "../../core/output.ts";
import { singleEntry } from "../../entry/batch-builder.ts";
import { EntryType } from "../../entry/record.ts";
import { SIM_EPOCH_MS } from "./drifting-clock.ts";
import { StoredLog } from "./stored-log.ts";

/**
 * A log with one entry per element of `terms`, in that term. Two such logs share exactly the
 * entries of their common prefix of terms. The hard state defaults to the last term and no vote.
 */
export function preloadedLog(
  terms: readonly number[],
  hardState: Partial<HardState> = {},
): StoredLog {
  const log = new StoredLog();
  for (const term of terms) {
    const index = log.lastIndex + 1;
    const noop = EntryType.noop;
    log.append(singleEntry(noop, Buffer.alloc(0), index, term, SIM_EPOCH_MS, log.lastChain));
  }
  log.setHardState({ term: terms.at(-1) ?? 0, vote: 0, commitIndex: 0, ...hardState });
  return log;
}
