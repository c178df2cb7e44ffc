import { describe, expect, test } from "vitest";
import { RpcError } from "./errors.ts";
import { DEFAULTS, resolveClientOptions, resolveServerOptions } from "./options.ts";
import type { ClientOptions, ServerOptions } from "./options.ts";

const address = { host: "127.0.0.1", port: 1 };

function problems(resolve: () => unknown): readonly string[] {
  try {
    resolve();
  } catch (error) {
    if (error instanceof RpcError && error.fault.code === "DT_RPC_OPTIONS") {
      return error.fault.problems;
    }
    throw error;
  }
  return [];
}

describe("options", () => {
  test("are the defaults where nothing is given", () => {
    const { identity, address: _, ...client } = resolveClientOptions({ address });
    const { maxConnections, maxHandshakes, ...forClients } = DEFAULTS;
    expect(client).toEqual({ ...forClients, auth: null, tls: null });
    const server = resolveServerOptions({});
    expect(server).toMatchObject({ maxConnections, maxHandshakes });
    expect(identity).toMatchObject({
      nodeId: 0,
      clusterId: "",
      role: "",
      capabilities: ["groups", "streams"],
    });
  });

  test("have the same process id all over the process", () => {
    expect(resolveServerOptions({}).identity.processId).toMatch(/^[0-9a-f]{32}$/);
    expect(resolveServerOptions({}).identity.processId).toBe(
      resolveClientOptions({ address }).identity.processId,
    );
  });

  test("are frozen, and the input is left as it was", () => {
    const input: ServerOptions = { maxFrameBytes: 2048 };
    const resolved = resolveServerOptions(input);
    expect(Object.isFrozen(resolved) && Object.isFrozen(resolved.identity)).toBe(true);
    expect(input).toEqual({ maxFrameBytes: 2048 });
  });

  test("report all problems at once", () => {
    const input = {
      address: { host: "127.0.0.1", port: 0 },
      maxFrameBytes: 12,
      pingIntervalMs: "5",
      handshakeTimeoutMs: 1.5,
      maxFrameByte: 1,
      identity: { nodeId: -1, processId: "xyz", name: "n" },
    } as unknown as ClientOptions;
    const found = problems(() => resolveClientOptions(input));
    for (const name of [
      "maxFrameBytes: 12",
      "pingIntervalMs: 5",
      "handshakeTimeoutMs: 1.5",
      "maxFrameByte: unknown",
      "identity.nodeId: -1",
      "identity.processId",
      "name: unknown",
      "address",
    ]) {
      expect(found.filter((problem) => problem.startsWith(name))).toHaveLength(1);
    }
    expect(found).toHaveLength(8);
  });

  test("are checked against each other", () => {
    expect(problems(() => resolveServerOptions({ peerTimeoutMs: 9999 }))).toEqual([
      "peerTimeoutMs: less than twice pingIntervalMs",
    ]);
    expect(problems(() => resolveServerOptions({ maxReplyBacklogBytes: 1024 }))).toEqual([
      "maxReplyBacklogBytes: less than maxSendBufferBytes",
    ]);
    expect(problems(() => resolveClientOptions({ address, reconnectMaxMs: 49 }))).toEqual([
      "reconnectMaxMs: less than reconnectMinMs",
    ]);
  });

  test.each([
    {},
    { host: "a" },
    { host: 1, port: 1 },
    { host: "a", port: 65_536 },
    { host: "a", port: 1.5 },
    { path: "" },
    null,
    "127.0.0.1:1",
  ])("refuse the address %j", (wrong) => {
    const input = { address: wrong } as unknown as ClientOptions;
    expect(problems(() => resolveClientOptions(input))).toHaveLength(1);
  });

  test("take a unix socket", () => {
    expect(resolveClientOptions({ address: { path: "/run/x" } }).address).toEqual({
      path: "/run/x",
    });
  });
});
