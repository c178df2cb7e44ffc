import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  BatchBuilder,
  type EntryBatch,
  type EntryCursor,
  EntryType,
  RaftServer,
  type StateMachine,
} from "@dt/raft";
import { FileLog } from "@dt/raft-log-file";
import { describeEnvironment } from "./environment.ts";
import { alignRows, grouped, type OutputFormat } from "./report.ts";

export interface RestartBenchOptions {
  readonly gib: number;
  /** At the end of the log: what a state machine without a newer snapshot has to apply. */
  readonly tailGib: number;
  /** Bytes of a payload. */
  readonly size: number;
  readonly directory: string;
  readonly onProgress: (line: string) => void;
}

export interface RestartReport {
  readonly workload: "log restart";
  readonly gib: number;
  readonly entries: number;
  readonly segments: number;
  readonly buildSeconds: number;
  /** Until the log takes reads and writes, after a writer that never closed it. */
  readonly openAfterCrashMs: number;
  /** The same after a clean end. */
  readonly openMs: number;
  readonly openMsPerGib: number;
  /** Segments whose every record was read, at the open after the crash. */
  readonly scannedSegments: number;
  /**
   * Until a group with this log, which a crash left, has been elected and has committed an entry: it votes,
   * takes appends and makes them durable. A single voter, so that no other member's time is in it.
   */
  readonly readyMs: number;
  /** What is allowed for that: 3 s and 0.2 s for each GiB of the tail. */
  readonly readyLimitMs: number;
  readonly tailGib: number;
  /** Until as much as the tail was read, checked and handed to the state machine by that group. */
  readonly caughtUpMs: number;
  readonly applySecondsPerGib: number;
  readonly environment: ReturnType<typeof describeEnvironment>;
}

const GIB = 2 ** 30;
const BATCH_BYTES = 1 << 20;
const WAITING_WRITES = 8;
const READY_MS = 3000;
const READY_MS_PER_TAIL_GIB = 200;

/** Builds a log by the appender that every node uses and measures how long it takes to have it back. */
export async function runRestartBench(options: RestartBenchOptions): Promise<RestartReport> {
  const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
  const storeId = randomBytes(16);
  const openLog = (): FileLog =>
    new FileLog({ directory: join(scratch, "1"), groupId: 1, storeId }, {});
  const built = openLog();
  try {
    const buildStart = performance.now();
    const entries = await build(built, options);
    const buildSeconds = (performance.now() - buildStart) / 1000;
    // The writer is left as it is: on the disk, that is what a killed process leaves.
    const crashed = await measureOpen(openLog());
    const clean = await measureOpen(openLog());
    const { gib, tailGib } = options;
    const started = await measureStart(openLog(), Math.ceil((entries * tailGib) / gib));
    return {
      workload: "log restart",
      gib,
      entries,
      segments: clean.segments,
      buildSeconds: rounded(buildSeconds),
      openAfterCrashMs: Math.round(crashed.openMs),
      openMs: Math.round(clean.openMs),
      openMsPerGib: rounded(crashed.openMs / gib),
      scannedSegments: crashed.scannedSegments,
      readyMs: Math.round(started.readyMs),
      readyLimitMs: Math.round(READY_MS + READY_MS_PER_TAIL_GIB * tailGib),
      tailGib,
      caughtUpMs: Math.round(started.caughtUpMs),
      applySecondsPerGib: rounded((started.caughtUpMs - started.readyMs) / 1000 / tailGib),
      environment: describeEnvironment("fsync"),
    };
  } finally {
    await built.close().catch(() => {}); // Another one has cleaned up behind it.
    rmSync(scratch, { recursive: true, force: true });
  }
}

export function formatRestart(report: RestartReport, format: OutputFormat): string {
  if (format === "json") {
    return JSON.stringify(report, null, 2);
  }
  const { environment, ...figures } = report;
  const rows = [...Object.entries(figures), ...Object.entries(environment)];
  return alignRows(
    rows.map(([name, value]) => [
      name,
      typeof value === "number" && value >= 10_000 ? grouped(value) : String(value),
    ]),
  );
}

/** Appends until the log has its size; resolves to the number of entries. */
async function build(log: FileLog, options: RestartBenchOptions): Promise<number> {
  await log.open();
  const builder = new BatchBuilder(BATCH_BYTES);
  const payload = Buffer.alloc(options.size, 7);
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / (48 + options.size)));
  const waiting: Promise<void>[] = [];
  let nextIndex = 1;
  let chain = 0;
  let bytes = 0;
  for (let sequence = 1, reportAt = GIB; bytes < options.gib * GIB; sequence++) {
    for (let i = 0; i < perBatch; i++) {
      builder.add(EntryType.normal, 1, payload, 0, payload.length);
    }
    const batches = builder.seal(nextIndex, 1, Date.now(), chain);
    const last = batches.at(-1) as EntryBatch;
    nextIndex = last.lastIndex + 1;
    chain = last.chain;
    bytes += batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    waiting.push(append(log, batches, sequence));
    if (waiting.length >= WAITING_WRITES) {
      await waiting.shift();
    }
    if (bytes >= reportAt) {
      options.onProgress(`${Math.round(bytes / GIB)} GiB of ${options.gib} written`);
      reportAt += GIB;
    }
  }
  await Promise.all(waiting);
  return nextIndex - 1;
}

function append(log: FileLog, batches: readonly EntryBatch[], sequence: number): Promise<void> {
  const hardState = sequence === 1 ? { term: 1, vote: 1, commitIndex: 0 } : null;
  const write = { io: { term: 1, sequence }, hardState, reset: null, truncateFrom: 0, batches };
  return new Promise((resolve, reject) => {
    log.write(write, (error) => {
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
}

interface MeasuredOpen {
  readonly openMs: number;
  readonly segments: number;
  readonly scannedSegments: number;
}

/** Opens the log and closes it. */
async function measureOpen(log: FileLog): Promise<MeasuredOpen> {
  const start = performance.now();
  await log.open();
  const openMs = performance.now() - start;
  const { scannedSegments = 0, segments = 0 } = log.recovery ?? {};
  await log.close();
  return { openMs, segments, scannedSegments };
}

interface MeasuredStart {
  readonly readyMs: number;
  readonly caughtUpMs: number;
}

/** Looks at every entry, as a state machine does, and keeps nothing. */
class Looker implements StateMachine<null> {
  payloadBytes = 0;

  applyBatch(entries: EntryCursor, results: null[]): void {
    while (entries.next()) {
      this.payloadBytes += entries.end - entries.start;
      results.push(null);
    }
  }
}

/** Starts a group with the log and lets it apply so many entries. */
async function measureStart(log: FileLog, tailEntries: number): Promise<MeasuredStart> {
  const member = { nodeId: 1, host: "127.0.0.1", port: 1 };
  const server = new RaftServer({ clusterId: "bench", nodeId: 1, members: [member] });
  const start = performance.now();
  try {
    const group = await server.addGroup({ groupId: 1, stateMachine: new Looker(), log });
    const { lastIndex } = group.status();
    const isReady = (): boolean =>
      group.status().role === "leader" && group.status().commitIndex >= lastIndex;
    const readyMs = await elapsed(start, isReady);
    const caughtUpMs = await elapsed(start, () => group.status().appliedIndex >= tailEntries);
    return { readyMs, caughtUpMs };
  } finally {
    await server.close();
    await log.close();
  }
}

async function elapsed(start: number, condition: () => boolean): Promise<number> {
  while (!condition()) {
    await new Promise(setImmediate);
  }
  return performance.now() - start;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
