import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DataDirectory } from "@dt/raft-log-file";
import { type Appended, type AppendOptions, Appends } from "./appends.ts";
import { describeEnvironment } from "./environment.ts";
import { LatencyHistogram } from "./histogram.ts";
import { median } from "./median.ts";
import { PlainDisk, type PlainWrites } from "./plain-disk.ts";
import type { Report } from "./report.ts";

export interface LogBenchOptions extends AppendOptions {
  /** Of appends; the plain loops take as long each. */
  readonly seconds: number;
  readonly directory: string;
}

/** Of appends, then of each plain loop: short, so that what else the machine does meets all of them. */
const SLICE_MS = 500;
/** Flushes up to this size go into space that the log has filled ahead. */
const FILLED_FLUSH_BYTES = 64 << 10;
/** Frame in front of a flush. */
const FRAME_BYTES = 32;

/** One slice of appends, and one of each loop beside it. */
interface Round {
  readonly log: Appended;
  readonly fresh: PlainWrites;
  readonly allocated: PlainWrites;
  /** Processor time of making one entry. */
  readonly makeUs: number;
}

/**
 * Appends through one file log, in turn with what the disk does with writes of the same size.
 *
 * `appendOverheadUsPerEntry` is the processor time of the whole process (user and system, all threads) while it
 * appends, less that of the plain loop for as many bytes, less that of making the entries.
 */
export async function runLogBench(options: LogBenchOptions): Promise<Report> {
  const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
  const path = join(scratch, "data");
  const fresh = new PlainDisk(scratch, "fresh", false);
  const allocated = new PlainDisk(scratch, "allocated", true);
  try {
    const data = await DataDirectory.open({ path, clusterId: "bench", nodeId: 1 });
    const log = data.log(1, { dropDelayMs: 0 });
    await log.open();
    const appends = new Appends(log, options);
    const latencies = new LatencyHistogram();
    const sliceMs = Math.min(SLICE_MS, (options.seconds * 1000) / 3);
    const round = async (histogram: LatencyHistogram | null): Promise<Round> => {
      const appended = await appends.run(sliceMs, histogram);
      const bytes = Math.round(appended.bytes / Math.max(1, appended.flushes)) + FRAME_BYTES;
      return {
        log: appended,
        fresh: await fresh.run(sliceMs, bytes),
        allocated: await allocated.run(sliceMs, bytes),
        makeUs: appends.makeOnly(sliceMs / 4),
      };
    };
    await round(null);
    const rounds: Round[] = [];
    while (rounds.length * sliceMs < options.seconds * 1000) {
      rounds.push(await round(latencies));
    }
    const recycledSegments = log.counters?.recycledSegments ?? 0;
    await log.close();
    await data.close();
    const { size, inFlight, seconds } = options;
    return {
      workload: "log append",
      config: { size, inFlight, seconds },
      ...latencies.percentiles(),
      opsPerSec: Math.round(median(rounds.map(({ log: { entries, seconds: s } }) => entries / s))),
      errors: 0,
      environment: describeEnvironment("fsync"),
      extra: {
        rounds: rounds.length,
        ...flushFigures(rounds),
        recycledSegments,
        ...processorFigures(rounds),
        ...diskFigures("plain", rounds, (each) => each.fresh, fresh),
        ...diskFigures("allocated", rounds, (each) => each.allocated, allocated),
      },
    };
  } finally {
    fresh.close();
    allocated.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function flushFigures(rounds: readonly Round[]): Record<string, number> {
  const flushes = Math.max(
    1,
    sum(rounds, (each) => each.log.flushes),
  );
  return {
    mibPerSec: ratio(median(rounds.map((each) => mibPerSec(each.log))), 1),
    entriesPerSync: Math.round(sum(rounds, (each) => each.log.entries) / flushes),
    batchesPerSync: ratio(
      sum(rounds, (each) => each.log.writes),
      flushes,
    ),
    bytesPerSync: Math.round(sum(rounds, (each) => each.log.bytes) / flushes) + FRAME_BYTES,
  };
}

/** The loop into the space that the flushes of this size go to stands for what the disk costs. */
function processorFigures(rounds: readonly Round[]): Record<string, number> {
  const entries = sum(rounds, (each) => each.log.entries);
  const total = sum(rounds, (each) => each.log.cpuUs) / entries;
  const make = median(rounds.map((each) => each.makeUs));
  const disk = sum(rounds, ({ log, fresh, allocated }) => {
    const like = log.bytes / Math.max(1, log.flushes) > FILLED_FLUSH_BYTES ? fresh : allocated;
    return (like.cpuUs / like.bytes) * log.bytes;
  });
  return {
    cores: ratio(
      sum(rounds, (each) => each.log.cpuUs),
      sum(rounds, (each) => each.log.seconds) * 1e6,
    ),
    cpuUsPerEntry: ratio(total, 1),
    makeEntryUs: ratio(make, 1),
    plainDiskCpuUsPerEntry: ratio(disk, entries),
    appendOverheadUsPerEntry: ratio(total - disk / entries - make, 1),
  };
}

function diskFigures(
  name: string,
  rounds: readonly Round[],
  of: (round: Round) => PlainWrites,
  { latencies }: PlainDisk,
): Record<string, number> {
  const { p50Us, p99Us } = latencies.percentiles();
  const share = median(rounds.map((each) => mibPerSec(each.log) / mibPerSec(of(each))));
  return {
    [`${name}DiskP50Us`]: p50Us,
    [`${name}DiskP99Us`]: p99Us,
    [`${name}DiskMibPerSec`]: ratio(median(rounds.map((each) => mibPerSec(of(each)))), 1),
    [`shareOf${name === "plain" ? "Plain" : "Allocated"}Disk`]: ratio(share, 1),
  };
}

function mibPerSec({
  bytes,
  seconds,
}: {
  readonly bytes: number;
  readonly seconds: number;
}): number {
  return bytes / seconds / 2 ** 20;
}

function sum(rounds: readonly Round[], of: (round: Round) => number): number {
  return rounds.reduce((total, each) => total + of(each), 0);
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100;
}
