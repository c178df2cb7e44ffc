import type { EchoResult } from "./echo-client.ts";
import { ECHO_TIMEOUT_MS, runEcho } from "./echo-run.ts";
import type { EchoRunOptions } from "./echo-run.ts";
import { describeEnvironment } from "./environment.ts";
import type { Report, Scalar } from "./report.ts";
import { makeTlsPair } from "./tls-pair.ts";

export interface RpcBenchOptions extends Omit<EchoRunOptions, "tls"> {
  /** Calls travel over TLS, and the same without it is measured beside them. */
  readonly tls: boolean;
  /** Runs of each kind, in turn; the one with the median throughput counts. */
  readonly rounds: number;
}

/**
 * Echo between two processes over one connection, and in the same run the ceiling: what bare sockets carry when the
 * same bytes of a turn leave in one write. With groups, also the same with one group only; with TLS, the same without.
 */
export async function runRpcBench({ tls, ...options }: RpcBenchOptions): Promise<Report> {
  const { size, inFlight, seconds, groups, rounds } = options;
  const pair = tls ? await makeTlsPair() : undefined;
  const runs: EchoResult[] = [];
  const raw: EchoResult[] = [];
  const oneGroup: EchoResult[] = [];
  const plain: EchoResult[] = [];
  for (let round = 0; round < rounds; round++) {
    runs.push(await runEcho("rpc", { ...options, tls: pair }));
    raw.push(await runEcho("raw", options));
    if (groups > 0) {
      oneGroup.push(await runEcho("rpc", { ...options, groups: 1, tls: pair }));
    }
    if (tls) {
      plain.push(await runEcho("rpc", options));
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
      tls,
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
      ...(tls ? beside("plain", opsPerSec, plain) : {}),
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
