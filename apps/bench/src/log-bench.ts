import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BatchBuilder, EntryType, recordBytes } from "@dt/raft";
import { DataDirectory, type FileLog, measureDisk } from "@dt/raft-log-file";
import { describeEnvironment } from "./environment.ts";
import { LatencyHistogram } from "./histogram.ts";
import { pause } from "./closed-loop.ts";
import { warmUpMs } from "./kv-bench.ts";
import { ProcessorShare } from "./processor-time.ts";
import type { Report } from "./report.ts";

export interface LogBenchOptions {
  readonly size: number;
  readonly inFlight: number;
  readonly seconds: number;
  readonly directory: string;
  /** Drops the head as a log with snapshots does, so that files are used again. */
  readonly recycle: boolean;
}

const MAX_BATCH_BYTES = 256 << 10;
/** Written at most to see what the disk does by itself. */
const MAX_DISK_BYTES = 256 << 20;
/** Kept behind the newest entry with `recycle`. */
const KEPT_ENTRIES = 100_000;

/** Appends through one file log, beside what the disk does with writes of the same size. */
export async function runLogBench(options: LogBenchOptions): Promise<Report> {
  const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
  try {
    const data = await DataDirectory.open({
      path: join(scratch, "data"),
      clusterId: "bench",
      nodeId: 1,
    });
    const log = data.log(1, { dropDelayMs: 0 });
    await log.open();
    const appends = new Appends(log, options);
    const measured = await appends.run();
    await log.close();
    await data.close();
    const { flushes } = measured;
    const bytesPerSync = Math.max(1, Math.round(measured.bytes / Math.max(1, flushes)));
    const syncs = Math.max(1, Math.min(flushes, 1000, Math.ceil(MAX_DISK_BYTES / bytesPerSync)));
    const before = process.cpuUsage();
    const plain = await measureDisk(scratch, bytesPerSync, syncs, false);
    const plainCpuUs = cpuUs(before);
    const allocated = await measureDisk(scratch, bytesPerSync, syncs);
    const entriesPerSync = measured.entries / Math.max(1, flushes);
    const plainCpuPerEntry = plainCpuUs / (syncs * entriesPerSync);
    const { size, inFlight, seconds } = options;
    return {
      workload: "log append",
      config: { size, inFlight, seconds },
      ...measured.latencies,
      opsPerSec: measured.opsPerSec,
      errors: 0,
      environment: describeEnvironment("fsync"),
      extra: {
        mibPerSec: Math.round(measured.bytesPerSec / 2 ** 20),
        entriesPerSync: Math.round(entriesPerSync),
        batchesPerSync: ratio(measured.writes, Math.max(1, flushes)),
        bytesPerSync,
        recycledSegments: measured.recycledSegments,
        cores: measured.cores,
        cpuUsPerEntry: ratio(measured.cpuUs, measured.entries),
        appendOverheadUsPerEntry: ratio(measured.cpuUs / measured.entries - plainCpuPerEntry, 1),
        plainDiskP50Us: Math.round(plain.p50Us),
        plainDiskP99Us: Math.round(plain.p99Us),
        plainDiskMibPerSec: Math.round(plain.bytesPerSecond / 2 ** 20),
        shareOfPlainDisk: ratio(measured.bytesPerSec, plain.bytesPerSecond),
        allocatedDiskMibPerSec: Math.round(allocated.bytesPerSecond / 2 ** 20),
        shareOfAllocatedDisk: ratio(measured.bytesPerSec, allocated.bytesPerSecond),
      },
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export interface Measured {
  readonly latencies: ReturnType<LatencyHistogram["percentiles"]>;
  readonly opsPerSec: number;
  readonly bytesPerSec: number;
  readonly entries: number;
  readonly writes: number;
  readonly flushes: number;
  readonly recycledSegments: number;
  readonly bytes: number;
  readonly cores: number | null;
  readonly cpuUs: number;
}

/** Keeps `inFlight` appends waiting; those of one turn go to the log as one write, as a group does it. */
export class Appends {
  readonly #log: FileLog;
  readonly #options: LogBenchOptions;
  readonly #builder = new BatchBuilder(MAX_BATCH_BYTES);
  readonly #payload: Buffer;
  readonly #histogram: LatencyHistogram;
  #nextIndex = 1;
  #chain = 0;
  #sequence = 0;
  #waiting = 0;
  #isMeasuring = false;
  #isOver = false;
  #entries = 0;
  #writes = 0;
  #failure: Error | null = null;
  #onIdle: (() => void) | null = null;

  constructor(log: FileLog, options: LogBenchOptions, histogram = new LatencyHistogram()) {
    this.#log = log;
    this.#histogram = histogram;
    this.#options = options;
    this.#payload = Buffer.alloc(options.size, 7);
  }

  async run(): Promise<Measured> {
    const { inFlight, seconds, size } = this.#options;
    this.#append(inFlight);
    await pause(warmUpMs(seconds));
    this.#isMeasuring = true;
    const processor = new ProcessorShare([process.pid]);
    const cpu = process.cpuUsage();
    const before = { ...this.#log.counters };
    const startMs = performance.now();
    do {
      await pause(seconds * 1000);
    } while (this.#entries === 0 && this.#failure === null); // A disk that stands still has no figures.
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    const cores = processor.cores();
    const usedUs = cpuUs(cpu);
    const after = this.#log.counters;
    this.#isMeasuring = false;
    this.#isOver = true;
    if (this.#waiting > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    if (this.#failure !== null) {
      throw this.#failure;
    }
    const bytes = this.#entries * recordBytes(size);
    return {
      latencies: this.#histogram.percentiles(),
      opsPerSec: Math.round(this.#entries / elapsedSeconds),
      bytesPerSec: bytes / elapsedSeconds,
      entries: this.#entries,
      writes: this.#writes,
      flushes: (after?.flushes ?? 0) - (before.flushes ?? 0),
      recycledSegments: after?.recycledSegments ?? 0,
      cpuUs: usedUs,
      bytes,
      cores,
    };
  }

  #append(count: number): void {
    const { size } = this.#options;
    for (let i = 0; i < count; i++) {
      this.#builder.add(EntryType.normal, 1, this.#payload, 0, size);
    }
    const batches = this.#builder.seal(this.#nextIndex, 1, 0, this.#chain);
    const last = batches.at(-1);
    this.#nextIndex = (last?.lastIndex ?? 0) + 1;
    this.#chain = last?.chain ?? 0;
    this.#waiting += count;
    const startMs = performance.now();
    const io = { term: 1, sequence: ++this.#sequence };
    this.#log.write({ io, hardState: null, reset: null, truncateFrom: 0, batches }, (error) =>
      this.#onDone(error, count, startMs),
    );
  }

  #onDone(error: Error | null, count: number, startMs: number): void {
    this.#waiting -= count;
    this.#failure ??= error;
    if (this.#isMeasuring) {
      const ms = performance.now() - startMs;
      for (let i = 0; i < count; i++) {
        this.#histogram.recordMs(ms);
      }
      this.#entries += count;
      this.#writes++;
      if (this.#options.recycle) {
        this.#log.dropHead(this.#nextIndex - KEPT_ENTRIES);
      }
    }
    if (this.#failure === null && !this.#isOver) {
      // Half of the depth waits while the other half is on its way to the disk.
      const half = Math.max(1, Math.floor(this.#options.inFlight / 2));
      for (let left = this.#options.inFlight - this.#waiting; left > 0; left -= half) {
        this.#append(Math.min(half, left));
      }
    } else if (this.#waiting === 0) {
      this.#onIdle?.();
    }
  }
}

/** Processor time of this process since `before`, in microseconds. */
function cpuUs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100;
}
