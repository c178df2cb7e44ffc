import { KvError } from "@dt/kv";
import { RaftError } from "@dt/raft";
import { RpcError, Status } from "@dt/rpc";
import { describe, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import { CallFailure } from "./cluster/call-failure.ts";
import type { ClusterView, NodeView } from "./cluster/cluster-view.ts";
import { CliExit } from "./exit-code.ts";
import { describeFailure } from "./failure.ts";

const GONE: NodeView = { address: "a:1", isReachable: false, reason: "DT_RPC_CONNECT" };
const NOBODY: ClusterView = { nodes: [GONE, GONE], leader: null };
const LED: ClusterView = { nodes: [GONE], leader: { nodeId: 2, address: "b:2" } };

function refusal(status: Status, remoteCode: string): RpcError {
  return new RpcError({
    code: "DT_RPC_REMOTE",
    status,
    remoteCode,
    remoteMessage: "because",
    detail: null,
  });
}

function lines(error: unknown, view: ClusterView = LED): string[] {
  return describeFailure(new CallFailure(error, view, "DT_ENDPOINTS")).text.split("\n  ");
}

function exitCode(error: unknown): number {
  return describeFailure(new CallFailure(error, LED, "")).exitCode;
}

describe("a failed call", () => {
  it("is told by its code, the leader and what to do next", () => {
    expect(lines(refusal(Status.denied, "DT_RAFT_NO_SPACE"))).toEqual([
      "DT_RAFT_NO_SPACE: because",
      "leader: node 2 at b:2; 0 of 1 nodes answer: DT_RPC_CONNECT (addresses from DT_ENDPOINTS)",
      "free space on the disk of the leader, then repeat the command",
    ]);
    expect(lines(refusal(Status.internal, "SOMETHING_NEW"), NOBODY)).toEqual([
      "SOMETHING_NEW: because",
      "leader: none; 0 of 2 nodes answer: DT_RPC_CONNECT (addresses from DT_ENDPOINTS)",
      "the write may have been carried out: read the key before you repeat it (dt kv get KEY)",
    ]);
  });

  it("of which the outcome is not known says so, with what the cluster answered", () => {
    const cause = refusal(Status.internal, "DT_RAFT_LEADERSHIP_LOST");
    const unknown = new RaftError({ code: "DT_RAFT_OUTCOME_UNKNOWN", command: 32 }, { cause });
    expect(exitCode(unknown)).toBe(CliExit.outcomeUnknown);
    expect(lines(unknown)[0]).toMatch(/^DT_RAFT_OUTCOME_UNKNOWN: .*\(DT_RAFT_LEADERSHIP_LOST: /u);
  });

  it("that only read leaves no write to be found out about", () => {
    const unknown = new RaftError({ code: "DT_RAFT_OUTCOME_UNKNOWN", command: 33 });
    const { exitCode: code, text } = describeFailure(new CallFailure(unknown, LED, "", true));
    expect(code).toBe(CliExit.unavailable);
    expect(text).not.toContain("write");
  });

  it.each([
    [CliExit.unavailable, new RaftError({ code: "DT_RAFT_NO_LEADER", timeoutMs: 1, tried: 0 })],
    [CliExit.unavailable, new RpcError({ code: "DT_RPC_TIMEOUT", timeoutMs: 1, wasSent: false })],
    [CliExit.outcomeUnknown, new RpcError({ code: "DT_RPC_TIMEOUT", timeoutMs: 1, wasSent: true })],
    [CliExit.failed, refusal(Status.flowControl, "DT_RAFT_PROPOSALS_FULL")],
    [CliExit.failed, new KvError({ code: "DT_KV_IS_DIRECTORY", reason: "it is" })],
    [CliExit.outcomeUnknown, new KvError({ code: "DT_KV_BAD_REPLY" })],
  ])("ends with %i for %s", (code, error) => {
    expect(exitCode(error)).toBe(code);
  });
});

describe("another failure", () => {
  it("of a call is told without the leader where nobody asked for it", () => {
    expect(describeFailure(refusal(Status.denied, "DT_RAFT_NO_SPACE")).text.split("\n  ")).toEqual([
      "DT_RAFT_NO_SPACE: because",
      "free space on the disk of the leader, then repeat the command",
    ]);
  });

  it.each([
    [CliExit.usage, new CliError({ code: "DT_CLI_USAGE", message: "no" })],
    [CliExit.notFound, new CliError({ code: "DT_CLI_NOT_FOUND", key: "a" })],
    [
      CliExit.compareFailed,
      new CliError({ code: "DT_CLI_COMPARE_FAILED", key: "a", modRevision: 1 }),
    ],
    [CliExit.failed, new TypeError("a bug")],
  ])("ends with %i for %s", (code, error) => {
    expect(describeFailure(error).exitCode).toBe(code);
  });

  it("shows at most twenty problems of a document", () => {
    const problems = Array.from({ length: 25 }, (_, i) => ({ path: `p${i}`, message: "bad" }));
    const error = new CliError({ code: "DT_CLI_TREE", subject: "it", problems });
    const { text } = describeFailure(error);
    expect(text).toContain("p19: bad");
    expect(text).not.toContain("p20: bad");
    expect(text).toContain("... and 5 more");
  });
});
