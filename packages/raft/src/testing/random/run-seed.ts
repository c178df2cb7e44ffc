import { type MixReport, runMix } from "./run-mix.ts";
import { runRandom, type RunReport } from "./random-run.ts";
import { FOCUSES } from "./run-profile.ts";

/** What a seed may be run for: one fault on bare cores, or everything at once on whole groups. */
export const SEED_FOCUSES = [...FOCUSES, "mix"] as const;
export type SeedFocus = (typeof SEED_FOCUSES)[number];

/** Of so many seeds in a row one is a mixed run. */
const MIX_EVERY = 10;

export interface SeedOptions {
  /** Drawn from the seed when it is not given. */
  readonly focus?: SeedFocus | null;
  /** Gets every line of the trace. */
  readonly onLine?: (line: string) => void;
}

/** Runs one seed of a search. Rejects with a `SimFailure` when a rule was broken, or the run proved nothing. */
export async function runSeed(
  seed: number,
  { focus = null, onLine }: SeedOptions = {},
): Promise<RunReport | MixReport> {
  if (focus === "mix" || (focus === null && seed % MIX_EVERY === 0)) {
    return runMix(seed, onLine);
  }
  return runRandom(seed, onLine === undefined ? { focus } : { focus, onLine });
}
