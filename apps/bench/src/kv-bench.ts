import { KvError } from "@dt/kv";
import { RaftError } from "@dt/raft";
import { measureDisk } from "@dt/raft-log-file";
import type { Cluster, ClusterNode } from "@dt/server";
import { pause, runClosedLoop } from "./closed-loop.ts";
import type { LoopResult } from "./closed-loop.ts";
import { describeEnvironment } from "./environment.ts";
import { KvLoad } from "./kv-load.ts";
import type { KvOperation } from "./kv-load.ts";
import { KvTarget } from "./kv-target.ts";
import { compareLogs } from "./log-comparison.ts";
import type { KvTargetOptions } from "./kv-target.ts";
import { changeMembers } from "./member-changes.ts";
import type { MemberChangeOptions } from "./member-changes.ts";
import { ProcessorShare } from "./processor-time.ts";
import type { Report, Scalar } from "./report.ts";
import { WriteLedger } from "./write-ledger.ts";

export interface KvBenchOptions extends KvTargetOptions, MemberChangeOptions {
  readonly op: KvOperation;
  readonly valueSize: number;
  readonly inFlight: number;
  readonly seconds: number;
  readonly keys: number;
  /** Read every key back at the end and compare. */
  readonly verify: boolean;
  /** Seconds after which the leader's process is killed; 0 for never. */
  readonly killLeaderAfter: number;
}

/** Time that the killed node stays away. */
const AWAY_MS = 2000;
const CATCH_UP_MS = 60_000;
const MAX_SHOWN_PROBLEMS = 20;

export interface KvBenchResult {
  readonly report: Report;
  /** Acknowledged writes that are gone, logs that differ; empty when all is well. */
  readonly problems: readonly string[];
}

/** Load on a key-value group through the public client. */
export async function runKvBench(options: KvBenchOptions): Promise<KvBenchResult> {
  const disk =
    options.op === "put" && options.inFlight === 1 && options.endpoints === ""
      ? await measureDisk(options.directory, 4096, 1000)
      : null;
  const target = await KvTarget.open(options);
  try {
    return await measure(target, options, disk?.p50Us ?? null);
  } finally {
    await target.close();
  }
}

async function measure(
  target: KvTarget,
  options: KvBenchOptions,
  diskP50Us: number | null,
): Promise<KvBenchResult> {
  const isChecked = options.verify || options.killLeaderAfter > 0;
  const ledger = isChecked ? new WriteLedger(options.keys) : null;
  const load = new KvLoad(target.kv, options.keys, options.inFlight, options.valueSize, ledger);
  if (options.op !== "put") {
    await load.fill();
  }
  let unknown = 0;
  let firstError = "";
  let client: ProcessorShare | null = null;
  let servers: ProcessorShare | null = null;
  const shares: Record<string, Scalar> = {};
  const killing = killLeaderLater(target, options);
  const changes: Record<string, Scalar> = {};
  const hasChanges = options.transfers > 0 || options.replaceMembers;
  const result = await runClosedLoop(load.operation(options.op), {
    inFlight: options.inFlight,
    warmUpMs: warmUpMs(options.seconds),
    measureMs: options.seconds * 1000,
    onError: (error) => {
      firstError ||= error instanceof Error ? error.message : "not an error object";
      if (mayHaveExecuted(error)) {
        unknown++;
      }
    },
    meanwhile: async () => {
      if (hasChanges) {
        Object.assign(changes, await changeMembers(target, options));
      }
    },
    onMeasure: () => {
      client = new ProcessorShare([process.pid]);
      servers = new ProcessorShare(target.pids);
    },
    onEnd: () => {
      shares["clientCores"] = client?.cores() ?? null;
      shares["serverCores"] = target.pids.length === 0 ? null : (servers?.cores() ?? null);
    },
  });
  const killed = await killing;
  const problems: string[] = [];
  let committedIndex = 0;
  const extra: Record<string, Scalar> = { ...shares, ...changes, unknownOutcomes: unknown };
  if (hasChanges) {
    extra["longestGapMs"] = result.longestGapMs;
    if (result.errors > 0) {
      problems.push(`${result.errors} calls failed while members changed: ${firstError}`);
    }
  }
  if (firstError !== "") {
    extra["firstError"] = firstError;
  }
  if (diskP50Us !== null) {
    extra["diskP50Us"] = Math.round(diskP50Us);
    extra["putToDiskRatio"] = Math.round((result.p50Us / diskP50Us) * 100) / 100;
  }
  if (killed !== null) {
    extra["killedNode"] = killed.nodeId;
    extra["longestGapMs"] = result.longestGapMs;
    committedIndex = await target.settle(CATCH_UP_MS);
  }
  if (ledger !== null) {
    const lost = await load.verify(ledger);
    problems.push(...lost.slice(0, MAX_SHOWN_PROBLEMS));
    extra["acknowledgedWrites"] = ledger.acknowledgedCount;
    extra["lostWrites"] = lost.length;
  }
  if (killed !== null) {
    await target.cluster?.close();
    const comparison = await compareLogs(target.dataDirectories, committedIndex);
    extra["equalLogEntries"] = comparison.equalEntries;
    problems.push(...comparison.problems);
  }
  return { report: toReport(options, result, extra), problems };
}

function toReport(
  options: KvBenchOptions,
  result: LoopResult,
  extra: Readonly<Record<string, Scalar>>,
): Report {
  const { op, valueSize, inFlight, seconds, keys, nodes, endpoints } = options;
  return {
    workload: `kv ${op}`,
    config: {
      valueSize,
      inFlight,
      seconds,
      keys,
      ...(endpoints === "" ? { nodes } : { endpoints }),
    },
    opsPerSec: result.opsPerSec,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    p999Us: result.p999Us,
    maxUs: result.maxUs,
    errors: result.errors,
    environment: describeEnvironment("fsync"),
    extra,
  };
}

/** Kills the leader's process in the middle of the load and starts it again; null when not asked for. */
async function killLeaderLater(
  target: KvTarget,
  options: KvBenchOptions,
): Promise<ClusterNode | null> {
  const { cluster } = target;
  if (options.killLeaderAfter === 0 || cluster === null) {
    return null;
  }
  await pause(warmUpMs(options.seconds) + options.killLeaderAfter * 1000);
  const leader = await anyLeader(cluster);
  await leader.kill("SIGKILL");
  await pause(AWAY_MS);
  await leader.start();
  return leader;
}

async function anyLeader(cluster: Cluster): Promise<ClusterNode> {
  for (;;) {
    const leader = await cluster.leader();
    if (leader !== null) {
      return leader;
    }
    await pause(50);
  }
}

function mayHaveExecuted(error: unknown): boolean {
  return (error instanceof RaftError || error instanceof KvError) && error.mayHaveExecuted;
}

/** Long enough for the compilers of both sides to settle. */
export function warmUpMs(seconds: number): number {
  return Math.min(2000, seconds * 500);
}
