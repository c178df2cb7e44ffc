import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KvClient } from "@dt/kv";
import { RaftClient } from "@dt/raft";
import { RpcError } from "@dt/rpc";
import { expect, it, onTestFinished, vi } from "vitest";
import { KV_GROUP_ID } from "../../src/index.ts";
import { QUICK, scratchCluster, scratchDirectory } from "./scratch.ts";
import { PATIENCE_MS, waitFor } from "./wait-for.ts";

vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

const DISK_BYTES = 12 << 20;
const BALLAST_BYTES = 4 << 20;
const VALUE_BYTES = 64 << 10;

/** A file system of its own that is soon full; null where this user may not mount one. */
function mountSmallDisk(): string | null {
  const directory = scratchDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", directory], {
      stdio: "ignore",
    });
  } catch {
    // No such program, not root, or a container that allows no mounts.
    return null;
  }
  onTestFinished(() => void execFileSync("umount", ["-l", directory]));
  return directory;
}

/**
 * What the leader answered. The write that meets the full disk may still be stored, so it ends as one of unknown
 * outcome; those behind it are refused.
 */
function codeOf(error: unknown): string {
  if (error instanceof RpcError) {
    return error.remoteCode ?? error.code;
  }
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : String(error);
}

it("refuses writes on a full disk, keeps what it acknowledged, and goes on when there is space", async (test) => {
  const disk = mountSmallDisk();
  if (disk === null) {
    test.skip("a small file system cannot be mounted here");
    return;
  }
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));
  const cluster = await scratchCluster({
    directory: join(disk, "cluster"),
    nodeCount: 1,
    settings: {
      raft: { ...QUICK.raft, noSpaceRetryMs: 50 },
      storage: { segmentBytes: 1 << 20 },
      limits: { maxEntryBytes: 256 << 10 },
    },
  });
  const client = new RaftClient({ endpoints: cluster.nodes });
  onTestFinished(() => client.close());
  const tree = new KvClient(client, { groupId: KV_GROUP_ID });

  const value = Buffer.alloc(VALUE_BYTES, 7);
  const acknowledged: string[] = [];
  await waitFor("writes are refused", async () => {
    const key = `full/${acknowledged.length}`;
    try {
      await tree.put(key, value);
      acknowledged.push(key);
      return null;
    } catch (error) {
      expect(codeOf(error)).toBe("DT_RAFT_NO_SPACE");
      return error instanceof RpcError && !error.mayHaveExecuted ? true : null;
    }
  });
  expect(acknowledged.length).toBeGreaterThan(10);
  expect(await missing(tree, acknowledged, value)).toEqual([]);

  rmSync(ballast);
  await waitFor("writes are accepted again", async () => {
    try {
      await tree.put("resumed", "yes");
      return true;
    } catch (error) {
      expect(codeOf(error)).toBe("DT_RAFT_NO_SPACE");
      return null;
    }
  });

  await cluster.nodes[0]?.restart("SIGKILL");
  await cluster.waitUntilServing();
  expect(await missing(tree, acknowledged, value)).toEqual([]);
  expect(await tree.get("resumed")).not.toBeNull();
});

async function missing(tree: KvClient, keys: readonly string[], value: Buffer): Promise<string[]> {
  const found = await Promise.all(keys.map((key) => tree.get(key)));
  return keys.filter((_key, index) => {
    const node = found[index];
    return node?.kind !== "value" || !node.value.equals(value);
  });
}
