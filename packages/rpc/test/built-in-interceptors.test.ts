import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { RpcMetrics, Status, logging, tracing } from "../src/index.ts";
import { ECHO, FAIL, HOLD, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { LOOPBACK, holdOn, startClient, startServer } from "./support/pair.ts";
import { rawClient } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { Metric as PromMetric } from "prom-client";
import type { Interceptor, Span } from "../src/index.ts";

async function startBoth(serverSide: Interceptor[], clientSide: Interceptor[] = []) {
  const { server, address } = await startServer({}, { interceptors: serverSide }, LOOPBACK);
  const client = await startClient({ address }, { interceptors: clientSide });
  return { server, client, address };
}

/** A Prometheus registry that scrapes these metrics. */
function registryOf(metrics: RpcMetrics): Registry {
  const registry = new Registry();
  for (const metric of metrics.metrics()) {
    registry.registerMetric(metric as unknown as PromMetric);
  }
  return registry;
}

describe("metrics", () => {
  test("are scraped by a registry of prom-client", async () => {
    const metrics = new RpcMetrics({ commandName: (command) => `c${command}` });
    const registry = registryOf(metrics);
    const { server, client } = await startBoth([metrics], [metrics]);
    server.commands.on(FAIL, (request) => request.fail(Status.denied, "NO", "no"));
    let notes = 0;
    server.commands.on(NOTE, () => {
      notes++;
    });
    const held = holdOn(server.commands);
    for (let count = 0; count < 3; count++) {
      await client.call(ECHO, 0, 5000, writeText, "x", readText);
    }
    await failureOf(client.call(FAIL, 0, 5000, writeText, "", readText));
    await failureOf(client.call(ECHO, 0, -1, writeText, "", readText));
    client.oneWay(NOTE, 0, writeText, "");
    const open = client.call(HOLD, 0, 0, writeText, "", readText);
    await until(() => held.length === 1 && notes === 1, "the request that is held");
    const lines = (await registry.metrics()).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "# TYPE dt_rpc_requests_total counter",
        `dt_rpc_requests_total{command="c${ECHO}",status="ok"} 3`,
        `dt_rpc_requests_total{command="c${FAIL}",status="denied"} 1`,
        `dt_rpc_calls_total{command="c${ECHO}",outcome="ok"} 3`,
        `dt_rpc_calls_total{command="c${ECHO}",outcome="DT_RPC_TIMEOUT"} 1`,
        `dt_rpc_calls_total{command="c${FAIL}",outcome="denied"} 1`,
        "# TYPE dt_rpc_request_seconds histogram",
        `dt_rpc_request_seconds_bucket{command="c${ECHO}",le="+Inf"} 3`,
        `dt_rpc_request_seconds_count{command="c${ECHO}"} 3`,
        `dt_rpc_call_seconds_count{command="c${ECHO}"} 4`,
        `dt_rpc_requests_in_flight{command="c${HOLD}"} 1`,
        `dt_rpc_calls_in_flight{command="c${HOLD}"} 1`,
        `dt_rpc_one_ways_total{command="c${NOTE}"} 1`,
      ]),
    );
    held[0]?.replyEmpty();
    await open;
    expect(await registry.metrics()).toContain(`dt_rpc_requests_in_flight{command="c${HOLD}"} 0`);
    registry.resetMetrics();
    expect(await registry.metrics()).not.toContain(`{command="c${ECHO}"`);
  });
});

describe("logging", () => {
  test("writes one line for each request and call, a warning for what went wrong here", async () => {
    const lines: [string, string, object][] = [];
    const write = (level: string) => (facts: object, message: string) => {
      lines.push([level, message, facts]);
    };
    const logger = {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
    };
    const { server, client } = await startBoth([logging(logger)], [logging(logger, { slowMs: 0 })]);
    server.commands.on(300, (request) => request.fail(Status.internal, "BROKEN", "broken"));
    await client.call(ECHO, 0, 5000, writeText, "x", readText);
    await failureOf(client.call(300, 0, 5000, writeText, "x", readText));
    expect(lines).toMatchObject([
      ["debug", "request answered", { command: ECHO, status: "ok", code: null }],
      ["warn", "call ended", { command: ECHO, outcome: "ok" }],
      ["warn", "request answered", { command: 300, status: "internal", code: "BROKEN" }],
      ["warn", "call ended", { command: 300, outcome: "DT_RPC_REMOTE", code: "BROKEN" }],
    ]);
  });
});

describe("tracing", () => {
  test("joins a call, its request and the calls made in its name to one trace", async () => {
    const spans: Span[] = [];
    const tracer = tracing({ onSpan: (span) => spans.push(span) });
    const { server, client } = await startBoth([tracer], [tracer]);
    client.commands.on(300, (request) => request.replyEmpty());
    server.commands.on(301, (request) => {
      const done = { onReply: () => request.replyEmpty(), onFail: () => request.replyEmpty() };
      request.connection.start(300, 0, 0, writeText, "", done, request);
    });
    await client.call(301, 0, 5000, writeText, "", readText);
    const chain = [
      spans.find(({ kind, command }) => kind === "client" && command === 301),
      spans.find(({ kind, command }) => kind === "server" && command === 301),
      spans.find(({ kind, command }) => kind === "client" && command === 300),
      spans.find(({ kind, command }) => kind === "server" && command === 300),
    ];
    expect(spans).toHaveLength(4);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(4);
    expect(chain.map((span) => span?.parentSpanId)).toEqual([
      null,
      chain[0]?.spanId,
      chain[1]?.spanId,
      chain[2]?.spanId,
    ]);
    await client.call(301, 0, 5000, writeText, "", readText);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
  });

  test("keeps what the first has decided about sampling", async () => {
    const spans: Span[] = [];
    const seen: (string | null)[] = [];
    const silent = tracing({ sample: () => false, onSpan: (span) => spans.push(span) });
    const { server, client } = await startBoth(
      [tracing({ onSpan: (span) => spans.push(span) })],
      [silent],
    );
    server.commands.on(300, (request) => {
      seen.push(request.traceparent);
      request.replyEmpty();
    });
    await client.call(300, 0, 5000, writeText, "", readText);
    expect(seen[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(spans).toEqual([]);
  });

  test("goes through a side that has no interceptors", async () => {
    const { server, client } = await startBoth([]);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const seen: (string | null)[] = [];
    client.commands.on(300, (request) => {
      seen.push(request.traceparent);
      request.replyEmpty();
    });
    server.commands.on(301, (request) => {
      seen.push(request.traceparent);
      const done = { onReply: () => request.replyEmpty(), onFail: () => request.replyEmpty() };
      request.connection.start(300, 7, 0, writeText, "", done, request);
    });
    const parent = { deadlineMs: 0, traceparent };
    await client.call(301, 0, 5000, writeText, "", readText, parent);
    expect(seen).toEqual([traceparent]);
    client.groups.register(7, client.commands);
    await client.call(301, 0, 5000, writeText, "", readText, parent);
    expect(seen).toEqual([traceparent, traceparent, traceparent]);
  });

  test.each([
    ["a short one", "030002 3030"],
    ["one that is no ASCII", `030037${"ff".repeat(55)}`],
    ["a field that ends outside of the block", "03ffff 00"],
    ["half a field", "03"],
  ])("of %s is dropped, and the request goes on", async (_what, block) => {
    const { server, address } = await startBoth([tracing()]);
    const seen: (string | null)[] = [];
    server.commands.on(300, (request) => {
      seen.push(request.traceparent);
      request.replyEmpty();
    });
    const peer = await rawClient(address);
    const bytes = block.replaceAll(" ", "");
    const blockBytes = bytes.length / 2;
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
    peer.send(
      `${hex(12 + 2 + blockBytes, 8)} 1102012c 00000009 00000000 ${hex(blockBytes, 4)} ${bytes}`,
    );
    expect(await peer.frame()).toMatch(/^0000000c1200012c0000000900000000$/);
    expect(seen).toEqual([expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)]);
  });
});
