import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { KV_GROUP_ID, parseAddress, startCluster } from "@dt/server";
import type { Cluster, HostPort, NodeSettings } from "@dt/server";

export interface KvTargetOptions {
  /** Nodes of the cluster to start, when `endpoints` is empty. */
  readonly nodes: number;
  /** Addresses of a running cluster, separated by commas; empty to start one. */
  readonly endpoints: string;
  /** Where to keep the data of a started cluster; on a real disk. */
  readonly directory: string;
  /** Sections of the configuration of started nodes. */
  readonly settings?: NodeSettings;
  /** Flags for Node in the server processes, such as those of its profiler. */
  readonly nodeFlags: readonly string[];
}

/** The cluster under test: one that is there, or real server processes of our own in a directory that goes with them. */
export class KvTarget {
  /** Null for a cluster that somebody else runs. */
  readonly cluster: Cluster | null;
  readonly raft: RaftClient;
  readonly kv: KvClient;
  readonly #scratch: string | null;

  static async open(options: KvTargetOptions): Promise<KvTarget> {
    if (options.endpoints !== "") {
      return new KvTarget(options.endpoints, null, null);
    }
    const scratch = mkdtempSync(join(options.directory, "dt-bench-"));
    try {
      const cluster = await startCluster({
        directory: scratch,
        nodeCount: options.nodes,
        settings: { log: { level: "warn" }, ...options.settings },
        nodeFlags: options.nodeFlags,
      });
      return new KvTarget(cluster.endpoints, cluster, scratch);
    } catch (error) {
      rmSync(scratch, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(endpoints: string, cluster: Cluster | null, scratch: string | null) {
    this.cluster = cluster;
    this.#scratch = scratch;
    this.raft = new RaftClient({ endpoints: endpoints.split(",").map(toEndpoint) });
    this.kv = new KvClient(this.raft, { groupId: KV_GROUP_ID });
  }

  /** Processes of a started cluster. */
  get pids(): number[] {
    return this.cluster?.nodes.map((node) => node.pid) ?? [];
  }

  /** Where the nodes of a started cluster keep their logs. */
  get dataDirectories(): string[] {
    return this.cluster?.nodes.map((node) => node.dataDir) ?? [];
  }

  /** Waits until every node has applied what any of them has committed; resolves with that index. */
  async settle(timeoutMs: number): Promise<number> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const { committed, applied } = await this.#indexes();
      if (applied === committed) {
        return committed;
      }
      if (performance.now() > endMs) {
        throw new Error(
          `after ${timeoutMs} ms a node is still ${committed - applied} entries behind`,
        );
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }

  /** The highest commit index and the lowest applied one. */
  async #indexes(): Promise<{ readonly committed: number; readonly applied: number }> {
    const endpoints = this.cluster?.nodes ?? this.raft.endpoints();
    const replies = await Promise.allSettled(
      endpoints.map((endpoint) => this.raft.status(endpoint, 1000)),
    );
    const applied: number[] = [];
    const committed: number[] = [];
    for (const reply of replies) {
      const group =
        reply.status === "fulfilled"
          ? reply.value.groups.find(({ groupId }) => groupId === KV_GROUP_ID)
          : undefined;
      applied.push(group?.appliedIndex ?? -1);
      committed.push(group?.commitIndex ?? -1);
    }
    return { committed: Math.max(...committed), applied: Math.min(...applied) };
  }

  /** Ends the connections and, if it is ours, the cluster with its data. */
  async close(): Promise<void> {
    await this.raft.close();
    await this.cluster?.close();
    if (this.#scratch !== null) {
      rmSync(this.#scratch, { recursive: true, force: true });
    }
  }
}

function toEndpoint(text: string): HostPort {
  const address = parseAddress(text);
  if (address === null) {
    throw new Error(`not an address: ${text}`);
  }
  return address;
}

export function defaultDirectory(): string {
  return tmpdir();
}
