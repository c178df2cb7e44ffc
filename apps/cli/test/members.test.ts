import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatAddress, startCluster } from "@dt/server";
import type { Cluster, ClusterNode } from "@dt/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliExit } from "../src/exit-code.ts";
import type { MemberView } from "../src/cluster/member-list.ts";
import { dt as run } from "./run-dt.kit.ts";

let directory = "";
let cluster: Cluster;
let joining: ClusterNode;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "dt-cli-members-"));
  cluster = await startCluster({ directory: join(directory, "cluster"), nodeCount: 3 });
  joining = await cluster.startJoining();
});

afterAll(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
});

function dt(...argv: readonly string[]) {
  return run(argv, { cwd: directory, env: { DT_ENDPOINTS: cluster.endpoints } });
}

async function members(): Promise<MemberView> {
  const { stdout } = await dt("cluster", "members", "--output", "json");
  return JSON.parse(stdout) as MemberView;
}

describe("dt cluster", () => {
  it("adds, moves the leadership, replaces and removes, on real processes", async () => {
    await dt("kv", "put", "before", "changes");
    const place = `${joining.nodeId}=${formatAddress(joining)}`;
    expect((await members()).members.map(({ role }) => role)).toEqual(["voter", "voter", "voter"]);

    const observing = await dt("cluster", "add", place, "--observer");
    expect(observing).toMatchObject({ code: CliExit.ok });
    expect(observing.stdout).toMatch(/4 +\S+ +observer/u);
    expect((await dt("cluster", "add", place)).stdout).toMatch(/4 +\S+ +voter/u);

    const moved = await dt("cluster", "transfer", "4");
    expect(moved).toMatchObject({ code: CliExit.ok });
    expect((await members()).leaderId).toBe(4);

    // Its leader goes: somebody else leads first, and the command is answered.
    expect(await dt("cluster", "remove", "4")).toMatchObject({ code: CliExit.ok });
    const after = await members();
    expect(after.members.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
    expect(after.leaderId).not.toBe(4);
    expect(await dt("kv", "get", "before")).toMatchObject({ stdout: "changes" });
  });

  it("refuses with a code that names what is wrong", async () => {
    const again = await dt("cluster", "add", `4=${formatAddress(joining)}`);
    expect(again.code).toBe(CliExit.failed);
    expect(again.stderr).toContain("DT_RAFT_MEMBERS_INVALID");
    expect(again.stderr).toContain("node 4: was a member before");
    const unknown = await dt("cluster", "remove", "9");
    expect(unknown.code).toBe(CliExit.failed);
    expect(unknown.stderr).toContain("node 9: not a member");
    const nobody = await dt("cluster", "change");
    expect(nobody.code).toBe(CliExit.failed);
    expect(nobody.stderr).toContain("voters: empty");
    const target = await dt("cluster", "transfer", "9");
    expect(target.stderr).toContain("DT_RAFT_TRANSFER_TARGET");
    expect((await dt("cluster", "add", "four")).code).toBe(CliExit.usage);
    expect((await members()).isJoint).toBe(false);
  });
});
