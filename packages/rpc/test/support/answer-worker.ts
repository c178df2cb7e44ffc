// A server over TLS in a thread of its own: it answers while the thread of the test stands still.
import { parentPort, workerData } from "node:worker_threads";
import { RpcServer } from "../../src/index.ts";
import { ECHO } from "./bodies.ts";
import { echo } from "./pair.ts";
import type { Certificate } from "./certificates.ts";

export interface AnswerWorkerData {
  readonly tls: Certificate;
  /** [0] counts requests, [1] those whose answers have left this process. */
  readonly shared: Int32Array;
}

const { tls, shared } = workerData as AnswerWorkerData;
const server = new RpcServer({ tls });
server.commands.on(ECHO, (request, body, start, end) => {
  echo(request, body, start, end);
  Atomics.add(shared, 0, 1);
});
server.onConnection((connection) => {
  const report = (): void => {
    if (connection.bufferedBytes === 0) {
      Atomics.store(shared, 1, Atomics.load(shared, 0));
      Atomics.notify(shared, 1);
    }
    if (connection.isOpen) {
      setImmediate(report);
    }
  };
  report();
});
parentPort?.once("message", () => {
  void server.close();
});
parentPort?.postMessage(await server.listen({ host: "127.0.0.1", port: 0 }));
