import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { startCluster } from "../../src/index.ts";
import type { Cluster, ClusterOptions, NodeSettings } from "../../src/index.ts";
import { PATIENCE_MS } from "./wait-for.ts";

/** Elections in a fraction of a second, so that tests with crashes stay short. */
export const QUICK: NodeSettings = {
  raft: {
    electionTimeoutMinMs: 300,
    electionTimeoutMaxMs: 600,
    heartbeatMs: 60,
    tickMs: 20,
  },
};

/** A new directory that is removed when the test ends. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "dt-e2e-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A cluster of real processes that are gone when the test ends. */
export async function scratchCluster(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({
    directory: scratchDirectory(),
    settings: QUICK,
    readyTimeoutMs: PATIENCE_MS,
    ...options,
  });
  onTestFinished(() => cluster.close());
  return cluster;
}
