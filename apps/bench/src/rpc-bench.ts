import type { EchoResult } from "./echo-client.ts";
import { ECHO_TIMEOUT_MS, runEcho } from "./echo-run.ts";
import type { EchoRunOptions } from "./echo-run.ts";
import { describeEnvironment } from "./environment.ts";
import type { Report, Scalar } from "./report.ts";

export interface RpcBenchOptions extends EchoRunOptions {
  /** Runs of each kind, in turn; the one with the median throughput counts. */
  readonly rounds: number;
}

/**
 * Echo between two processes over one connection, and in the same run the ceiling: what bare sockets carry when the
 * same bytes of a turn leave in one write. With groups, also the same with one group only.
 */
export async function runRpcBench(options: RpcBenchOptions): Promise<Report> {
  const { size, inFlight, seconds, groups, rounds } = options;
  const runs: EchoResult[] = [];
  const raw: EchoResult[] = [];
  const oneGroup: EchoResult[] = [];
  for (let round = 0; round < rounds; round++) {
    runs.push(await runEcho("rpc", options));
    raw.push(await runEcho("raw", options));
    if (groups > 0) {
      oneGroup.push(await runEcho("rpc", { ...options, groups: 1 }));
    }
  }
  const result = medianRun(runs);
  const { opsPerSec, p50Us, p99Us, p999Us, maxUs } = result;
  return {
    workload: "rpc echo",
    config: {
      size,
      inFlight,
      seconds,
      groups,
      rounds,
      connections: 1,
      deadlineMs: ECHO_TIMEOUT_MS,
    },
    opsPerSec,
    p50Us,
    p99Us,
    p999Us,
    maxUs,
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
    environment: describeEnvironment("none"),
    extra: {
      clientCores: result.clientCores,
      serverCores: result.serverCores,
      clientNsPerCall: result.clientNsPerCall,
      serverNsPerCall: result.serverNsPerCall,
      ...beside("rawSocket", opsPerSec, raw),
      ...(groups > 0 ? beside("oneGroup", opsPerSec, oneGroup) : {}),
    },
  };
}

/** The throughput of the other runs, and our share of it. */
function beside(
  name: string,
  opsPerSec: number,
  runs: readonly EchoResult[],
): Record<string, Scalar> {
  const other = medianRun(runs).opsPerSec;
  return {
    [`${name}OpsPerSec`]: other,
    [`${name}Share`]: Math.round((opsPerSec / other) * 100) / 100,
  };
}

function medianRun(runs: readonly EchoResult[]): EchoResult {
  const sorted = runs.toSorted((a, b) => a.opsPerSec - b.opsPerSec);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) {
    throw new Error("no run");
  }
  return median;
}
