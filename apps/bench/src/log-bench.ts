import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BatchBuilder, EntryType, recordBytes } from "@dt/raft";
import type { RaftLog } from "@dt/raft";
import { DataDirectory, measureDisk } from "@dt/raft-log-file";
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
}

const MAX_BATCH_BYTES = 256 << 10;

/** Appends through one file log, beside what the disk does with writes of the same size. */
export async function runLogBench(options: LogBenchOptions): Promise<Report> {
  const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
  try {
    const data = await DataDirectory.open({
      path: join(scratch, "data"),
      clusterId: "bench",
      nodeId: 1,
    });
    const log = data.log(1);
    await log.open();
    const appends = new Appends(log, options);
    const measured = await appends.run();
    await log.close();
    await data.close();
    const bytesPerSync = Math.round(measured.bytes / Math.max(1, measured.writes));
    const disk = await measureDisk(scratch, bytesPerSync, Math.min(500, measured.writes));
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
        entriesPerWrite: Math.round(measured.entries / Math.max(1, measured.writes)),
        cores: measured.cores,
        diskWriteBytes: bytesPerSync,
        diskP50Us: Math.round(disk.p50Us),
        diskMibPerSec: Math.round(disk.bytesPerSecond / 2 ** 20),
        logToDiskThroughput: ratio(measured.bytesPerSec, disk.bytesPerSecond),
      },
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Measured {
  readonly latencies: ReturnType<LatencyHistogram["percentiles"]>;
  readonly opsPerSec: number;
  readonly bytesPerSec: number;
  readonly entries: number;
  readonly writes: number;
  readonly bytes: number;
  readonly cores: number | null;
}

/** Keeps `inFlight` appends waiting; those of one turn go to the log as one write, as a group does it. */
class Appends {
  readonly #log: RaftLog;
  readonly #options: LogBenchOptions;
  readonly #builder = new BatchBuilder(MAX_BATCH_BYTES);
  readonly #payload: Buffer;
  readonly #histogram = new LatencyHistogram();
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

  constructor(log: RaftLog, options: LogBenchOptions) {
    this.#log = log;
    this.#options = options;
    this.#payload = Buffer.alloc(options.size, 7);
  }

  async run(): Promise<Measured> {
    const { inFlight, seconds, size } = this.#options;
    this.#append(inFlight);
    await pause(warmUpMs(seconds));
    this.#isMeasuring = true;
    const processor = new ProcessorShare([process.pid]);
    const startMs = performance.now();
    await pause(seconds * 1000);
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    const cores = processor.cores();
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

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100;
}
