import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { DeadlineWheel } from "../src/deadline-wheel.ts";
import { ReadPace } from "../src/tls/read-pace.ts";
import { ECHO, HOLD, readLength, writeBytes } from "./support/bodies.ts";
import { Authority } from "./support/certificates.ts";
import { holdOn, startClient, startServer } from "./support/pair.ts";
import type { AddressInfo } from "node:net";
import type { Address } from "../src/index.ts";
import type { AnswerWorkerData } from "./support/answer-worker.ts";

const ours = await Authority.create("ours");
const certificate = await ours.issue("server");
const CA = { ca: ours.cert };
const RECORD_BYTES = 16 * 1024;

async function startWorker(shared: Int32Array): Promise<Address> {
  const workerData: AnswerWorkerData = { tls: certificate, shared };
  const worker = new Worker(new URL("./support/answer-worker.js", import.meta.url), { workerData });
  onTestFinished(async () => {
    worker.postMessage("close");
    await once(worker, "exit");
  });
  const [address] = (await once(worker, "message")) as [Address];
  return address;
}

/** Stands still, as a process that is not scheduled, until the worker has sent so many answers and the time is over. */
function standStill(shared: Int32Array, answers: number, untilMs: number): void {
  while (Atomics.load(shared, 1) < answers || performance.now() < untilMs) {
    Atomics.wait(shared, 1, Atomics.load(shared, 1), 10);
  }
}

describe("Over TLS", () => {
  test("a turn of the event loop reads a few records, and nothing is lost", async () => {
    const bytes = Buffer.alloc(2_000_000, 7);
    const server = createServer(certificate, (socket) => socket.end(bytes));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: "127.0.0.1", port, ...CA });
    const pace = new ReadPace(socket, new DeadlineWheel());
    let total = 0;
    let turnBytes = 0;
    let mostBytes = 0;
    socket.on("data", (chunk: Buffer) => {
      if (turnBytes === 0) {
        setImmediate(() => {
          turnBytes = 0;
        });
      }
      turnBytes += chunk.length;
      total += chunk.length;
      mostBytes = Math.max(mostBytes, turnBytes);
      pace.took(chunk.length);
    });
    await once(socket, "end");
    expect(total).toBe(bytes.length);
    expect(mostBytes).toBeLessThan(4 * RECORD_BYTES);
  });

  test("a deadline gives way to all answers that are there, however many", async () => {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const address = await startWorker(shared);
    const client = await startClient({ address, tls: CA });
    const body = Buffer.alloc(1000, 1);
    // Widens the windows of the sockets.
    await client.call(ECHO, 0, 60_000, writeBytes, Buffer.alloc(2_000_000), readLength);
    const timeoutMs = 400;
    for (let answers = 301; ; answers += 300) {
      const fromMs = performance.now();
      const calls = Array.from({ length: 300 }, () =>
        client.call(ECHO, 0, timeoutMs, writeBytes, body, readLength),
      );
      const outcomes = Promise.allSettled(calls);
      await new Promise((resolve) => {
        // After the turn that sends the calls.
        setImmediate(() => setImmediate(resolve));
      });
      const isInTime = performance.now() - fromMs < timeoutMs / 2;
      standStill(shared, answers, fromMs + 2 * timeoutMs);
      const failed = (await outcomes).filter(({ status }) => status === "rejected");
      if (isInTime) {
        expect(failed).toEqual([]);
        return;
      }
      // The machine stood still before the calls were on their way: deadlines were right to win.
    }
  });

  test("a call has its whole time, however long the turn that it begins in has taken", async () => {
    const { server, address } = await startServer({ tls: certificate });
    holdOn(server.commands);
    const client = await startClient({ address, tls: CA });
    const timeoutMs = 300;
    const hold = () => client.call(HOLD, 0, timeoutMs, writeBytes, Buffer.alloc(1), readLength);
    // Opens the turn, which goes on in other callbacks.
    const earlier = hold().catch(() => {});
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * timeoutMs);
    const fromMs = performance.now();
    await expect(hold()).rejects.toMatchObject({ code: "DT_RPC_TIMEOUT" });
    expect(performance.now() - fromMs).toBeGreaterThanOrEqual(timeoutMs);
    await earlier;
  });
});
