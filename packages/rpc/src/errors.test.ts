import { describe, expect, test } from "vitest";
import { RpcError, withoutStack } from "./errors.ts";
import { Status } from "./status.ts";

function remote(status: Status, remoteCode: string | null = null): RpcError {
  const fault = { code: "DT_RPC_REMOTE", remoteMessage: "", detail: null } as const;
  return new RpcError({ ...fault, status, remoteCode });
}

describe("RpcError", () => {
  test("repeats the answer of the peer", () => {
    const detail = Buffer.from("d");
    const error = new RpcError({
      code: "DT_RPC_REMOTE",
      status: Status.notLeader,
      remoteCode: "DT_RAFT_NOT_LEADER",
      remoteMessage: "ask node 3",
      detail,
    });
    expect(error).toMatchObject({
      name: "RpcError",
      code: "DT_RPC_REMOTE",
      status: Status.notLeader,
      remoteCode: "DT_RAFT_NOT_LEADER",
      detail,
    });
    expect(error.message).toContain("notLeader DT_RAFT_NOT_LEADER: ask node 3");
  });

  test("says that the request may have been executed unless it is sure that it was not", () => {
    const executed = Object.values(Status).filter((status) => remote(status).mayHaveExecuted);
    expect(executed).toEqual([Status.timeout, Status.internal]);
    expect(remote(Status.tooLarge, "DT_RPC_REPLY_TOO_LARGE").mayHaveExecuted).toBe(true);
    expect(remote(Status.flowControl, "DT_RPC_REPLY_DROPPED").mayHaveExecuted).toBe(true);
    expect(remote(Status.flowControl, "DT_RPC_RECEIVER_FULL").mayHaveExecuted).toBe(false);
    for (const wasSent of [true, false]) {
      const timeout = new RpcError({ code: "DT_RPC_TIMEOUT", timeoutMs: 1, wasSent });
      expect(timeout.mayHaveExecuted).toBe(wasSent);
      const lost = new RpcError({ code: "DT_RPC_CONNECTION_LOST", wasSent });
      expect(lost.mayHaveExecuted).toBe(wasSent);
      expect(new RpcError({ code: "DT_RPC_CLOSED", wasSent }).mayHaveExecuted).toBe(wasSent);
    }
    expect(new RpcError({ code: "DT_RPC_BAD_REPLY" }).mayHaveExecuted).toBe(true);
    expect(new RpcError({ code: "DT_RPC_ENCODE" }).mayHaveExecuted).toBe(false);
  });

  test("keeps its cause", () => {
    const cause = new Error("why");
    expect(new RpcError({ code: "DT_RPC_ENCODE" }, { cause }).cause).toBe(cause);
  });

  test("can do without a stack, and leaves the stacks of others alone", () => {
    const limit = Error.stackTraceLimit;
    const error = withoutStack({ code: "DT_RPC_ENCODE" });
    expect(error.stack).not.toContain("    at ");
    expect(Error.stackTraceLimit).toBe(limit);
    expect(new Error("other").stack).toContain("    at ");
  });
});
