import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DataDirectory, type DataDirectoryDeps } from "@dt/raft-log-file";
import { describeEnvironment } from "./environment.ts";
import { LatencyHistogram } from "./histogram.ts";
import { Appends, type LogBenchOptions, type Measured } from "./log-bench.ts";
import type { Report } from "./report.ts";

export interface LogGroupsOptions extends LogBenchOptions {
  readonly groups: number;
  readonly rounds: number;
  /** "direct": each log syncs its own segments, as it does where few groups write. */
  readonly sync: string;
}

interface Run {
  readonly opsPerSec: number;
  readonly cores: number;
  readonly entriesPerWrite: number;
  readonly latencies: Measured["latencies"];
  /** Of all flushes, how many one sync carried; 0 when none was shared. */
  readonly flushesPerSharedSync: number;
}

/**
 * The same number of appends under way, once through one log and once shared out among many of one data
 * directory, in turn. The runs take turns so that what else the machine does hits both.
 */
export async function runLogGroupsBench(options: LogGroupsOptions): Promise<Report> {
  const { size, inFlight, seconds, groups, rounds, sync } = options;
  const alone: Run[] = [];
  const shared: Run[] = [];
  for (let done = 0; done < rounds; done++) {
    alone.push(await measure(options, 1));
    shared.push(await measure(options, groups));
  }
  const one = median(alone);
  const many = median(shared);
  return {
    workload: "log append, many groups",
    config: { size, inFlight, seconds, groups, rounds, sync },
    ...many.latencies,
    opsPerSec: many.opsPerSec,
    errors: 0,
    environment: describeEnvironment("fsync"),
    extra: {
      cores: round(many.cores),
      entriesPerWrite: many.entriesPerWrite,
      flushesPerSharedSync: many.flushesPerSharedSync,
      oneGroupOpsPerSec: one.opsPerSec,
      oneGroupP99Us: one.latencies.p99Us,
      oneGroupCores: round(one.cores),
      toOneGroup: round(many.opsPerSec / one.opsPerSec),
    },
  };
}

async function measure(options: LogGroupsOptions, groups: number): Promise<Run> {
  const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
  try {
    const location = { path: join(scratch, "data"), clusterId: "bench", nodeId: 1 };
    const data = await DataDirectory.open(location, depsFor(options.sync));
    const histogram = new LatencyHistogram();
    const inFlight = Math.max(1, Math.floor(options.inFlight / groups));
    const logs = Array.from({ length: groups }, (_, i) => data.log(i + 1));
    await Promise.all(logs.map((log) => log.open()));
    const measured = await Promise.all(
      logs.map((log) => new Appends(log, { ...options, inFlight }, histogram).run()),
    );
    const { syncs, flushes } = data.sharedSyncs;
    await data.close();
    const sum = (of: (each: Measured) => number): number =>
      measured.reduce((total, each) => total + of(each), 0);
    return {
      opsPerSec: sum(({ opsPerSec }) => opsPerSec),
      cores: measured[0]?.cores ?? 0,
      entriesPerWrite: Math.round(sum(({ entries }) => entries) / sum(({ writes }) => writes)),
      latencies: histogram.percentiles(),
      flushesPerSharedSync: Math.round(flushes / Math.max(1, syncs)),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A journal that waits for more flushes than there are is never used. */
function depsFor(sync: string): Partial<DataDirectoryDeps> {
  return sync === "direct" ? { journal: { hotFlushes: Infinity, fileBytes: 1 << 20 } } : {};
}

function median(runs: readonly Run[]): Run {
  const sorted = runs.toSorted((a, b) => a.opsPerSec - b.opsPerSec);
  return sorted[sorted.length >> 1] as Run;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
