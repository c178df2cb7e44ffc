// Question: what does the log cost over the disk itself? Appends 256-byte payloads at several depths
// and measures the bare disk with writes of the same sizes, in turns, in one run.
// Run: node dist/bench/append.bench.js [directory] [seconds per depth] [payload bytes] [depths]
import { BatchBuilder, EntryType, type Write } from "@dt/raft";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileLog } from "../src/file-log.ts";
import { type DiskMeasurement, measureDisk } from "../src/measure-disk.ts";

const [parent = tmpdir(), seconds = "3", bytes = "256", depths = "1,64,2000"] =
  process.argv.slice(2);
const payload = Buffer.alloc(Number(bytes), 0x5a);

interface Run {
  readonly depth: number;
  readonly records: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Records in one acknowledgement, on average. */
  readonly group: number;
  readonly cpuSeconds: number;
}

/** Keeps `depth` entries outstanding; what is acknowledged together is proposed again together. */
async function append(directory: string, depth: number, forMs: number): Promise<Run> {
  const log = new FileLog({ directory, groupId: 1, storeId: Buffer.alloc(16, 1) });
  await log.open();
  const builder = new BatchBuilder(4 << 20);
  const times: number[] = [];
  let nextIndex = 1;
  let chain = 0;
  let sequence = 0;
  let records = 0;
  let outstanding = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const end = started + forMs;
  await new Promise<void>((resolve, reject) => {
    const propose = (count: number): void => {
      for (let i = 0; i < count; i++) {
        builder.add(EntryType.normal, 1, payload, 0, payload.length);
      }
      const batches = builder.seal(nextIndex, 1, Date.now(), chain);
      nextIndex += count;
      chain = batches.at(-1)?.chain ?? chain;
      outstanding += count;
      const from = performance.now();
      const write: Write = {
        io: { term: 1, sequence: ++sequence },
        hardState: null,
        reset: null,
        truncateFrom: 0,
        batches,
      };
      log.write(write, (error) => {
        if (error !== null) {
          reject(error);
          return;
        }
        const now = performance.now();
        times.push((now - from) * 1000);
        records += count;
        outstanding -= count;
        if (now < end) {
          propose(count);
        } else if (outstanding === 0) {
          resolve();
        }
      });
    };
    // Two halves, so that one collects while the other is on its way.
    propose(Math.ceil(depth / 2));
    if (depth > 1) {
      propose(Math.floor(depth / 2));
    }
  });
  const elapsed = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  await log.close();
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.floor((times.length - 1) * part)] ?? 0;
  return {
    depth,
    records,
    seconds: elapsed,
    p50Us: at(0.5),
    p99Us: at(0.99),
    maxUs: at(1),
    group: records / times.length,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

function describe(disk: DiskMeasurement): string {
  const megabytes = (disk.bytesPerSecond / 1e6).toFixed(0);
  return `p50 ${disk.p50Us.toFixed(0)} p99 ${disk.p99Us.toFixed(0)} us (${megabytes} MB/s)`;
}

const directory = mkdtempSync(join(parent, "append-bench-"));
try {
  for (const depth of depths.split(",").map(Number)) {
    const run = await append(join(directory, String(depth)), depth, Number(seconds) * 1000);
    const flushBytes = Math.round(run.group * (40 + payload.length)) + 32;
    const writes = Math.min(1000, Math.ceil(2e8 / flushBytes));
    const allocated = await measureDisk(directory, flushBytes, writes);
    const fresh = await measureDisk(directory, flushBytes, writes, false);
    const rate = Math.round(run.records / run.seconds);
    const megabytes = (rate * (40 + payload.length)) / 1e6;
    process.stdout.write(
      `depth ${depth}: ${rate} records/s (${megabytes.toFixed(0)} MB/s), ` +
        `p50 ${run.p50Us.toFixed(0)} p99 ${run.p99Us.toFixed(0)} max ${run.maxUs.toFixed(0)} us, ` +
        `cpu ${((run.cpuSeconds / run.records) * 1e6).toFixed(2)} us/record\n` +
        `  disk alone, writes of ${flushBytes} bytes: ${describe(allocated)} into allocated space, ` +
        `${describe(fresh)} into new space\n`,
    );
  }
} finally {
  rmSync(directory, { recursive: true });
}
