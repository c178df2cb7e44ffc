import { randomBytes } from "node:crypto";
import { runClosedLoop } from "./closed-loop.ts";
import type { LoopResult, Operation } from "./closed-loop.ts";
import { compareRounds } from "./comparison.ts";
import type { Comparison } from "./comparison.ts";
import { EtcdTarget } from "./etcd-target.ts";
import { warmUpMs } from "./kv-bench.ts";
import { KvTarget } from "./kv-target.ts";

export interface CompareOptions {
  readonly nodes: number;
  readonly valueSize: number;
  readonly inFlight: number;
  /** Seconds of each round. */
  readonly seconds: number;
  /** Rounds of each side, in turn. */
  readonly rounds: number;
  readonly keys: number;
  readonly directory: string;
}

/** The same writes against this project and against etcd, in the same run, in turn. */
export async function compareWithEtcd(options: CompareOptions): Promise<Comparison> {
  const { nodes, valueSize, inFlight, seconds, rounds, keys, directory } = options;
  const names = Array.from({ length: keys }, (_, i) => `bench/key-${String(i).padStart(8, "0")}`);
  const value = randomBytes(valueSize);
  const ours: LoopResult[] = [];
  const peer: LoopResult[] = [];
  const loop = (operation: Operation) =>
    runClosedLoop(operation, {
      inFlight,
      warmUpMs: warmUpMs(seconds),
      measureMs: seconds * 1000,
    });
  const next = keyCycle(names);
  for (let round = 0; round < rounds; round++) {
    const target = await KvTarget.open({ nodes, endpoints: "", directory, nodeFlags: [] });
    try {
      ours.push(await loop(() => target.kv.put(next(), value)));
    } finally {
      await target.close();
    }
    const etcd = await EtcdTarget.open(nodes, directory);
    try {
      peer.push(await loop(() => etcd.put(next(), value)));
    } finally {
      await etcd.close();
    }
  }
  return compareRounds({
    workload: "kv put",
    config: {
      nodes,
      valueSize,
      inFlight,
      seconds,
      rounds,
      keys,
      peer: "etcd, grpc-js client over 16 connections",
    },
    fsync: "fsync",
    ours,
    peer,
  });
}

function keyCycle(keys: readonly string[]): () => string {
  let at = 0;
  return () => {
    at = at + 1 === keys.length ? 0 : at + 1;
    return keys[at] ?? "";
  };
}
