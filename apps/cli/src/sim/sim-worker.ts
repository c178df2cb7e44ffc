import { isRejection, runSeed, type SeedFocus } from "@dt/raft/testing";

/** Seeds to run, and what they are for. */
export interface SeedRange {
  readonly from: number;
  readonly count: number;
  readonly focus: SeedFocus | null;
}

export interface SeedFailure {
  readonly seed: number;
  /** First line: the rule that was broken and how. */
  readonly problem: string;
}

/** What a worker answers to a range. */
export interface RangeReport {
  readonly done: number;
  /** Runs by the fault that they were for. */
  readonly byFocus: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly failures: readonly SeedFailure[];
  /** Runs that did without the fault that they were for: no failures, and no proof either. */
  readonly rejected: readonly SeedFailure[];
}

export async function runRange({ from, count, focus }: SeedRange): Promise<RangeReport> {
  const byFocus: Record<string, number> = {};
  const failures: SeedFailure[] = [];
  const rejected: SeedFailure[] = [];
  let steps = 0;
  for (let seed = from; seed < from + count; seed++) {
    try {
      const report = await runSeed(seed, { focus });
      byFocus[report.focus] = (byFocus[report.focus] ?? 0) + 1;
      steps += report.steps;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const found = isRejection(error) ? rejected : failures;
      found.push({ seed, problem: text.split("\n", 1)[0] ?? "" });
    }
  }
  return { done: count, byFocus, steps, failures, rejected };
}

// A worker lives as long as the process that gives it work; the terminal's Ctrl-C is for that one.
if (process.send !== undefined && process.argv[2] === "sim-worker") {
  process.on("SIGINT", () => undefined);
  process.on("message", (range: SeedRange) => {
    void runRange(range).then((report) => process.send?.(report));
  });
  // Not process.exit: it joins the threads that compile, and one of them may wait for this one to collect garbage.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
}
