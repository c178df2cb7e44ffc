import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DataDirectory, type DataDirectoryDeps } from "@dt/raft-log-file";
import { type Appended, Appends } from "./appends.ts";
import { describeEnvironment } from "./environment.ts";
import { LatencyHistogram } from "./histogram.ts";
import type { LogBenchOptions } from "./log-bench.ts";
import { median } from "./median.ts";
import type { Report } from "./report.ts";

export interface LogGroupsOptions extends LogBenchOptions {
  readonly groups: number;
  /** Each of `seconds` with one log and as long with many. */
  readonly rounds: number;
  /** "direct": each log syncs its own segments, as it does where few groups write. */
  readonly sync: string;
}

/** What all logs of a side did in one slice of time. */
interface Slice {
  readonly opsPerSec: number;
  readonly entries: number;
  readonly writes: number;
  readonly seconds: number;
  readonly cpuUs: number;
}

/** Short, so that what else the machine does meets both sides; long beside a sync of all segments. */
const SLICE_MS = 1000;

/**
 * The same number of appends under way, once through one log and once shared out among many of one data
 * directory, in turn. Both are open all the time. `toOneGroup` is the median of the ratios of neighbours.
 */
export async function runLogGroupsBench(options: LogGroupsOptions): Promise<Report> {
  const { size, inFlight, seconds, groups, rounds, sync } = options;
  const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
  try {
    const one = await Side.open(join(scratch, "one"), options, 1);
    const many = await Side.open(join(scratch, "many"), options, groups);
    const sliceMs = Math.min(SLICE_MS, seconds * 1000);
    const slices = Math.max(1, Math.round((rounds * seconds * 1000) / sliceMs));
    await one.run(sliceMs, null);
    await many.run(sliceMs, null);
    for (let done = 0; done < slices; done++) {
      await one.run(sliceMs, one.latencies);
      await many.run(sliceMs, many.latencies);
    }
    const { syncs, flushes } = many.data.sharedSyncs;
    await one.data.close();
    await many.data.close();
    const ratios = many.slices.map((each, i) => each.opsPerSec / (one.slices[i]?.opsPerSec ?? 0));
    return {
      workload: "log append, many groups",
      config: { size, inFlight, seconds, groups, rounds, sync },
      ...many.latencies.percentiles(),
      opsPerSec: Math.round(many.opsPerSec),
      errors: 0,
      environment: describeEnvironment("fsync"),
      extra: {
        cores: round(many.cores),
        entriesPerWrite: Math.round(many.entriesPerWrite),
        flushesPerSharedSync: Math.round(flushes / Math.max(1, syncs)),
        oneGroupOpsPerSec: Math.round(one.opsPerSec),
        oneGroupP99Us: one.latencies.percentiles().p99Us,
        oneGroupCores: round(one.cores),
        toOneGroup: round(median(ratios)),
      },
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One data directory, with one log or with many. */
class Side {
  readonly data: DataDirectory;
  readonly latencies = new LatencyHistogram();
  /** Those whose latencies were wanted. */
  readonly slices: Slice[] = [];
  readonly #appends: readonly Appends[];

  private constructor(data: DataDirectory, appends: readonly Appends[]) {
    this.data = data;
    this.#appends = appends;
  }

  static async open(path: string, options: LogGroupsOptions, groups: number): Promise<Side> {
    const location = { path, clusterId: "bench", nodeId: 1 };
    const data = await DataDirectory.open(location, depsFor(options.sync));
    const logs = Array.from({ length: groups }, (_, i) => data.log(i + 1));
    await Promise.all(logs.map((log) => log.open()));
    const inFlight = Math.max(1, Math.floor(options.inFlight / groups));
    return new Side(
      data,
      logs.map((log) => new Appends(log, { ...options, inFlight })),
    );
  }

  async run(ms: number, latencies: LatencyHistogram | null): Promise<void> {
    const appended = await Promise.all(this.#appends.map((each) => each.run(ms, latencies)));
    if (latencies !== null) {
      this.slices.push(together(appended));
    }
  }

  get opsPerSec(): number {
    return median(this.slices.map((each) => each.opsPerSec));
  }

  get cores(): number {
    return this.#sum((each) => each.cpuUs) / this.#sum((each) => each.seconds) / 1e6;
  }

  get entriesPerWrite(): number {
    return this.#sum((each) => each.entries) / this.#sum((each) => each.writes);
  }

  #sum(of: (slice: Slice) => number): number {
    return this.slices.reduce((total, each) => total + of(each), 0);
  }
}

/** Logs that ran side by side: each saw the time and the processor time of all. */
function together(appended: readonly Appended[]): Slice {
  const entries = appended.reduce((sum, each) => sum + each.entries, 0);
  const seconds = Math.max(...appended.map((each) => each.seconds));
  return {
    opsPerSec: entries / seconds,
    entries,
    writes: appended.reduce((sum, each) => sum + each.writes, 0),
    seconds,
    cpuUs: Math.max(...appended.map((each) => each.cpuUs)),
  };
}

/** A journal that waits for more flushes than there are is never used. */
function depsFor(sync: string): Partial<DataDirectoryDeps> {
  return sync === "direct" ? { journal: { hotFlushes: Infinity, fileBytes: 1 << 20 } } : {};
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
