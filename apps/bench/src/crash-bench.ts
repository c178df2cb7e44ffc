import { randomInt } from "node:crypto";
import { pause } from "./closed-loop.ts";
import { KvLoad } from "./kv-load.ts";
import { KvTarget } from "./kv-target.ts";
import { compareLogs, type LogComparison } from "./log-comparison.ts";
import type { NodeSettings } from "@dt/server";
import type { KvTargetOptions } from "./kv-target.ts";
import { WriteLedger } from "./write-ledger.ts";

export interface CrashOptions extends Pick<KvTargetOptions, "directory"> {
  readonly rounds: number;
  readonly nodes: number;
  readonly keys: number;
  readonly inFlight: number;
  readonly valueSize: number;
  /** Each round is killed between these many milliseconds after it began to write. */
  readonly minRunMs: number;
  readonly maxRunMs: number;
  readonly onRound: (round: CrashRound) => void;
  /** Gets what the logs hold at the end. */
  readonly onCompared: (comparison: LogComparison) => void;
}

/** Small, so that kills also hit snapshots, and heads and segments that go. */
const SETTINGS: NodeSettings = {
  storage: { segmentBytes: 1 << 20 },
  snapshot: { everyBytes: 4 << 20, tailEntries: 2000 },
  limits: { maxEntryBytes: 256 << 10 },
};

export interface CrashRound {
  readonly round: number;
  readonly ranMs: number;
  readonly acknowledged: number;
  /** From the start of the processes until reads were served. */
  readonly recoveredMs: number;
  readonly problems: readonly string[];
}

/** Kills every process of a cluster in the middle of writes, starts them again and looks for what was acknowledged. */
export async function runCrashBench(options: CrashOptions): Promise<readonly string[]> {
  const { directory, nodes, keys, inFlight, valueSize, rounds } = options;
  const target = await KvTarget.open({
    nodes,
    endpoints: "",
    directory,
    settings: SETTINGS,
    nodeFlags: [],
  });
  const { cluster } = target;
  const problems: string[] = [];
  try {
    if (cluster === null) {
      throw new Error("a crash needs processes of its own");
    }
    const ledger = new WriteLedger(keys);
    const load = new KvLoad(target.kv, keys, inFlight, valueSize, ledger);
    for (let round = 1; round <= rounds; round++) {
      const ranMs = randomInt(options.minRunMs, options.maxRunMs);
      const before = ledger.acknowledgedCount;
      await writeUntilKilled(load, inFlight, ranMs, () =>
        Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL"))),
      );
      const startMs = performance.now();
      await cluster.start();
      await cluster.waitUntilServing();
      const recoveredMs = Math.round(performance.now() - startMs);
      const found = await load.verify(ledger);
      problems.push(...found.map((problem) => `round ${round}: ${problem}`));
      options.onRound({
        round,
        ranMs,
        acknowledged: ledger.acknowledgedCount - before,
        recoveredMs,
        problems: found,
      });
    }
    const committedIndex = await target.settle(30_000);
    await cluster.close();
    const comparison = await compareLogs(target.dataDirectories, committedIndex);
    options.onCompared(comparison);
    problems.push(...comparison.problems);
    return problems;
  } finally {
    await target.close();
  }
}

/** Writes in every slot; a slot ends with its first failure after the kill. */
async function writeUntilKilled(
  load: KvLoad,
  inFlight: number,
  runMs: number,
  kill: () => Promise<unknown>,
): Promise<void> {
  const put = load.operation("put");
  let isKilled = false;
  const slots = Array.from({ length: inFlight }, async (_, slot) => {
    while (!isKilled) {
      try {
        await put(slot);
      } catch (error) {
        if (!isKilled) {
          throw error;
        }
      }
    }
  });
  const writing = Promise.all(slots);
  // A failure before the kill surfaces below, not as an unhandled rejection.
  writing.catch(() => undefined);
  await pause(runMs);
  isKilled = true;
  await kill();
  await writing;
}
