import { randomInt } from "node:crypto";
import { KvClient, MAX_BATCH_KEYS } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { KV_GROUP_ID } from "../../src/index.ts";
import type { Cluster } from "../../src/index.ts";
import { waitFor } from "./wait-for.ts";

const WRITERS = 64;

export interface CrashReport {
  readonly acknowledged: number;
  /** Writes whose answer was lost in a crash: they may be there or not. */
  readonly unknown: number;
  /** Acknowledged writes that were not there, or not as they were written. */
  readonly lost: readonly string[];
}

/**
 * Kills every process of a cluster at a random moment under load and starts it again, `rounds` times. Reads
 * back every acknowledged write of all rounds after each one.
 */
export async function runCrashRounds(cluster: Cluster, rounds: number): Promise<CrashReport> {
  const acknowledged: string[] = [];
  const lost: string[] = [];
  let unknown = 0;
  for (let round = 0; round < rounds; round++) {
    const before = acknowledged.length;
    const writers = startWriters(cluster, round, acknowledged);
    const target = before + randomInt(1, 3000);
    await waitFor("enough writes", () => (acknowledged.length >= target ? true : null));
    await Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL")));
    unknown += await writers.stop();
    await cluster.start();
    await cluster.waitUntilServing();
    lost.push(...(await findLost(cluster, acknowledged)));
  }
  return { acknowledged: acknowledged.length, unknown, lost };
}

/** The value is the key: what is read back tells whose write it was. */
function startWriters(cluster: Cluster, round: number, acknowledged: string[]) {
  const client = new RaftClient({ endpoints: cluster.nodes, timeoutMs: 5000 });
  const tree = new KvClient(client, { groupId: KV_GROUP_ID });
  let isStopping = false;
  let unknown = 0;
  let sequence = 0;
  const write = async (): Promise<void> => {
    while (!isStopping) {
      const key = `round-${round}/key-${sequence++}`;
      try {
        await tree.put(key, key);
        acknowledged.push(key);
      } catch {
        // Every process is killed: whether this one was carried out is what nobody can know.
        unknown++;
        return;
      }
    }
  };
  const running = Promise.all(Array.from({ length: WRITERS }, write));
  return {
    async stop(): Promise<number> {
      isStopping = true;
      await client.close();
      await running;
      return unknown;
    },
  };
}

async function findLost(cluster: Cluster, keys: readonly string[]): Promise<string[]> {
  const client = new RaftClient({ endpoints: cluster.nodes });
  const tree = new KvClient(client, { groupId: KV_GROUP_ID });
  const lost: string[] = [];
  try {
    for (let at = 0; at < keys.length; at += MAX_BATCH_KEYS) {
      const batch = keys.slice(at, at + MAX_BATCH_KEYS);
      const results = await tree.batchGet(batch);
      for (const [index, key] of batch.entries()) {
        const result = results[index];
        const node = result?.isOk === true ? result.node : null;
        if (node?.kind !== "value" || node.value.toString("utf8") !== key) {
          lost.push(key);
        }
      }
    }
  } finally {
    await client.close();
  }
  return lost;
}
