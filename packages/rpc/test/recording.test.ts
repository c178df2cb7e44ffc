import { mkdtempSync, rmSync } from "node:fs";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  CommandTable,
  RecordingReader,
  Status,
  TrafficRecorder,
  replayRecording,
} from "../src/index.ts";
import { ECHO, FAIL, HOLD, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { echo, startClient, startServer } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { RecordedFrame, RecordingSink, RpcClient, RpcServer } from "../src/index.ts";

const directory = mkdtempSync(join(tmpdir(), "dt-recording-"));
let files = 0;

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function newFile(): string {
  return join(directory, `${files++}.dtr`);
}

function serve(server: RpcServer): void {
  server.groups.register(7, new CommandTable().on(ECHO, echo));
  server.commands.on(NOTE, () => {});
  server.commands.on(FAIL, (request) => {
    request.fail(Status.denied, "NOT_YOU", "told at length");
  });
}

async function talk(client: RpcClient): Promise<void> {
  const calls = Array.from({ length: 50 }, (_, index) =>
    client.call(ECHO, index % 2 === 0 ? 0 : 7, 5000, writeText, `call ${index}`, readText),
  );
  calls.push(client.call(FAIL, 0, 0, writeText, "", readText));
  client.oneWay(NOTE, 0, writeText, "note");
  await Promise.allSettled(calls);
}

/** A recording of 51 requests with their answers and one one-way. */
async function record(): Promise<string> {
  const file = newFile();
  const recorder = await TrafficRecorder.create(file);
  const { server, address } = await startServer({}, { interceptors: [recorder] });
  serve(server);
  await talk(await startClient({ address }));
  await until(() => recorder.stats.recorded === 103, "the end of the traffic");
  await server.close();
  expect(await recorder.close()).toEqual({ recorded: 103, dropped: 0, streams: 0, error: null });
  return file;
}

async function readAll(file: string): Promise<{ records: RecordedFrame[]; unreadBytes: number }> {
  const reader = await RecordingReader.open(file);
  const records: RecordedFrame[] = [];
  for (let next = await reader.next(); next !== null; next = await reader.next()) {
    records.push(next);
  }
  await reader.close();
  return { records, unreadBytes: reader.unreadBytes };
}

describe("a recording", () => {
  test("has every request, one-way and answer, in their order", async () => {
    const { records, unreadBytes } = await readAll(await record());
    expect([records.length, unreadBytes]).toEqual([103, 0]);
    const requests = records.filter((frame) => frame.kind === 1);
    expect(requests.map((frame) => frame.body.toString())).toEqual([
      ...Array.from({ length: 50 }, (_, index) => `call ${index}`),
      "",
    ]);
    expect(requests[1]).toMatchObject({ command: ECHO, groupId: 7, connection: 1, seq: 2 });
    expect(requests[0]?.word).toBeGreaterThan(0);
    expect(requests[50]).toMatchObject({ command: FAIL, word: 0 });
    const answers = records.filter((frame) => frame.kind === 2);
    expect(answers.map((frame) => frame.seq)).toEqual(requests.map((frame) => frame.seq));
    expect(answers[0]).toMatchObject({ word: Status.ok, code: "" });
    expect(answers[0]?.body.toString()).toBe("call 0");
    expect(answers[50]).toMatchObject({ word: Status.denied, code: "NOT_YOU" });
    const times = records.map((frame) => frame.atMicros);
    expect(times.every((at) => at >= 0)).toBe(true);
    expect(records.filter((frame) => frame.kind === 3).map(String)).toHaveLength(1);
  });

  test("goes on behind answers with codes that cannot be sent", async () => {
    const file = newFile();
    const recorder = await TrafficRecorder.create(file);
    const { server, address } = await startServer({}, { interceptors: [recorder] });
    const codes = ["\ud800", "x".repeat(0xffff - 2), "x".repeat(0xffff - 3), "y".repeat(0x1_0001)];
    server.commands.on(FAIL, (request) => request.fail(Status.denied, codes.shift() ?? "", ""));
    const client = await startClient({ address });
    const received: (string | null)[] = [];
    while (codes.length > 0) {
      const failed = client.call(FAIL, 0, 0, writeText, "", readText);
      received.push((await failureOf(failed)).remoteCode);
    }
    await client.call(ECHO, 0, 0, writeText, "last", readText);
    await until(() => recorder.stats.recorded === 10, "the end of the traffic");
    await server.close();
    await recorder.close();
    const { records, unreadBytes } = await readAll(file);
    const answers = records.filter(({ kind }) => kind === 2);
    expect(received).toEqual([null, null, "x".repeat(0xffff - 3), null]);
    expect(answers.map(({ code }) => code)).toEqual([...received.map((code) => code ?? ""), ""]);
    expect(answers.at(-1)?.body.toString()).toBe("last");
    expect(unreadBytes).toBe(0);
  });

  test("cut off anywhere is read up to the last whole record", async () => {
    const file = await record();
    const bytes = await readFile(file);
    const { records } = await readAll(file);
    const cutFile = newFile();
    for (let length = bytes.length; length >= 24; length -= 37) {
      await writeFile(cutFile, bytes);
      await truncate(cutFile, length);
      const cut = await readAll(cutFile);
      expect(cut.records).toEqual(records.slice(0, cut.records.length));
      expect(cut.unreadBytes).toBeLessThan(100);
    }
  });

  test("damaged anywhere is read up to the damage, and says how much is left out", async () => {
    const file = await record();
    const bytes = await readFile(file);
    const { records } = await readAll(file);
    const damagedFile = newFile();
    for (let at = 24; at < bytes.length; at += 41) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x10, at);
      await writeFile(damagedFile, damaged);
      const read = await readAll(damagedFile);
      expect(read.records).toEqual(records.slice(0, read.records.length));
      expect(read.unreadBytes).toBeGreaterThanOrEqual(bytes.length - at);
    }
  });

  test("that is none is refused, and one that is there is not written over", async () => {
    const file = newFile();
    await writeFile(file, "DTRECORD but nothing else");
    await expect(RecordingReader.open(file)).rejects.toMatchObject({ code: "DT_RPC_RECORDING" });
    await expect(TrafficRecorder.create(file)).rejects.toMatchObject({
      code: "DT_RPC_RECORDING",
      fault: { problem: "EEXIST" },
    });
    await expect(RecordingReader.open(newFile())).rejects.toMatchObject({
      fault: { problem: "ENOENT" },
    });
    expect(() => new TrafficRecorder(new StuckSink(), { maxBufferBytes: 1 })).toThrow(
      "DT_RPC_OPTIONS",
    );
  });
});

describe("a replay", () => {
  test("against the same code finds everything equal", async () => {
    const file = await record();
    const { server, address } = await startServer();
    serve(server);
    const progress: number[] = [];
    const result = await replayRecording({
      file,
      client: await startClient({ address }),
      maxInFlight: 5,
      onProgress: (sent, total) => progress.push(sent / total),
    });
    expect(result).toEqual({
      requests: 51,
      oneWays: 1,
      equal: 51,
      different: 0,
      missing: 0,
      unrecorded: 0,
      unsent: 0,
      differences: [],
      unreadBytes: 0,
    });
    expect(progress.at(-1)).toBe(1);
  });

  test.each([
    [{ speed: NaN }, /speed: NaN/u],
    [{ speed: -1 }, /speed: -1/u],
    [{ maxInFlight: 0 }, /maxInFlight: 0/u],
    [{ maxInFlight: NaN, timeoutMs: NaN }, /maxInFlight: NaN.*timeoutMs: NaN/u],
  ])("refuses options that make no sense, and sends nothing: %o", async (options, message) => {
    const file = await record();
    const { server, address } = await startServer();
    const client = await startClient({ address });
    await expect(replayRecording({ file, client, ...options })).rejects.toThrow(message);
    expect(server.counters.framesIn).toBe(0);
  });

  test("finds other bodies and other codes", async () => {
    const file = await record();
    const { server, address } = await startServer();
    server.commands.off(ECHO);
    server.commands.on(ECHO, (request, body, start, end) => {
      const text = readText(body, start, end);
      if (text === "call 4") {
        request.replyEmpty();
      } else {
        request.replyBytes(body.subarray(start, end));
      }
    });
    server.commands.on(FAIL, (request) => request.fail(Status.denied, "NOT_ME", ""));
    server.groups.register(7, new CommandTable().on(ECHO, echo));
    const client = await startClient({ address });
    const result = await replayRecording({ file, client });
    expect(result).toMatchObject({ equal: 49, different: 2, missing: 0 });
    expect(result.differences.map(({ recorded, replayed }) => [recorded, replayed])).toEqual([
      [
        { status: "ok", code: "", bodyBytes: 6 },
        { status: "ok", code: "", bodyBytes: 0 },
      ],
      [
        { status: "denied", code: "NOT_YOU", bodyBytes: 0 },
        { status: "denied", code: "NOT_ME", bodyBytes: 0 },
      ],
    ]);
  });

  test("counts answers that do not come as missing", async () => {
    const file = await record();
    const { server, address } = await startServer();
    serve(server);
    server.commands.off(FAIL);
    server.commands.on(FAIL, (request) => void request.connection.close());
    const client = await startClient({ address });
    const result = await replayRecording({ file, client });
    expect(result).toMatchObject({ equal: 50, different: 0, missing: 1 });
    expect(result.differences).toMatchObject([
      { command: FAIL, replayed: { status: "", code: "DT_RPC_CONNECTION_LOST" } },
    ]);
  });

  test("of requests without a recorded answer compares nothing", async () => {
    const file = newFile();
    const recorder = await TrafficRecorder.create(file);
    const { server, address } = await startServer({}, { interceptors: [recorder] });
    server.commands.on(HOLD, () => {});
    const client = await startClient({ address });
    const call = client.call(HOLD, 0, 0, writeText, "", readText).catch(() => "lost");
    await until(() => recorder.stats.recorded === 1, "the request");
    await recorder.close();
    await client.close();
    await call;
    const other = await startServer();
    other.server.commands.on(HOLD, echo);
    const result = await replayRecording({
      file,
      client: await startClient({ address: other.address }),
      speed: 1000,
    });
    expect(result).toMatchObject({ requests: 1, equal: 0, different: 0, unrecorded: 1 });
  });
});

/** Takes the first write and never ends it. */
class StuckSink implements RecordingSink {
  release: () => void = () => {};

  write(): Promise<void> {
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe("a recorder", () => {
  test("whose sink is stuck drops and counts, and holds nobody up", async () => {
    const sink = new StuckSink();
    const recorder = new TrafficRecorder(sink, { maxBufferBytes: 64 * 1024 });
    const { address } = await startServer({}, { interceptors: [recorder] });
    const client = await startClient({ address });
    const body = "x".repeat(1000);
    for (let count = 0; count < 200; count++) {
      expect(await client.call(ECHO, 0, 0, writeText, body, readText)).toBe(body);
    }
    const { recorded, dropped } = recorder.stats;
    expect(recorded + dropped).toBe(400);
    expect(recorded).toBeLessThan(64);
    sink.release();
  });

  test("whose sink fails says so, and calls go on", async () => {
    const sink: RecordingSink = {
      write: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })),
      close: () => Promise.resolve(),
    };
    const recorder = new TrafficRecorder(sink);
    const { address } = await startServer({}, { interceptors: [recorder] });
    const client = await startClient({ address });
    await until(() => recorder.stats.error !== null, "the failed write");
    expect(await client.call(ECHO, 0, 0, writeText, "hi", readText)).toBe("hi");
    expect(recorder.stats.dropped).toBe(2);
    await expect(recorder.close()).rejects.toMatchObject({
      code: "DT_RPC_RECORDING",
      fault: { problem: "ENOSPC" },
    });
  });
});
