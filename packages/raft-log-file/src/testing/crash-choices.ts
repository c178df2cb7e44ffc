import type { SimRandom } from "@dt/raft/testing";
import type { SectorChoices } from "./disk-inode.ts";

/** What of that which was not synced a power cut leaves. */
export interface CrashChoices extends SectorChoices {
  /** How many of this number of changed names of a directory are durable; the oldest are. */
  readonly names: (count: number) => number;
}

export const NOTHING_SURVIVES: CrashChoices = { sectors: () => false, names: () => 0 };
export const EVERYTHING_SURVIVES: CrashChoices = { sectors: () => true, names: (count) => count };

/** Any sectors, each with any of its contents, and any names: about `share` of them. */
export function randomCrash(random: SimRandom, share = 0.5): CrashChoices {
  return {
    sectors: () => random.chance(share),
    version: (count) => random.int(0, count - 1),
    names: (count) => random.int(0, count),
  };
}
