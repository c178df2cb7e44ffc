// Run as a process of its own: a listener that throws is an error of the program, which ends with it
// unless it says otherwise.
import { RpcClient, RpcServer } from "../../src/index.ts";
import { NOTE, readText, writeText } from "./bodies.ts";
import type { AcceptedStream } from "../../src/index.ts";

const WINDOW = { messages: 2, bytes: 1024 };

process.on("uncaughtException", (error) => {
  process.stdout.write(`thrown: ${error.message}\n`);
});
const server = new RpcServer();
const address = await server.listen({ host: "127.0.0.1", port: 0 });
const client = new RpcClient({ address, reconnectMinMs: 60_000, reconnectMaxMs: 60_000 });
await client.connect();
const { connection } = client;
connection?.onNack(() => {
  throw new Error("a bug in a listener");
});
connection?.onClose((error) => {
  process.stdout.write(`closed: ${error?.code}\n`);
});
// There is no handler for it, so a nack comes back.
connection?.oneWay(NOTE, 0, writeText, "");
await client.call(300, 0, 0, writeText, "", readText).catch((error: Error) => {
  process.stdout.write(`call: ${error.message.slice(0, 22)}\n`);
});
await client.close();

// What throws while a connection ends keeps nothing from its end.
const other = new RpcClient({ address, reconnectMinMs: 60_000, reconnectMaxMs: 60_000 });
await other.connect();
const accepted = new Promise<AcceptedStream | null>((resolve) => {
  server.commands.on(301, (request) => {
    const consumer = {
      onMessage() {},
      onEnd() {},
      onWritable() {},
      onAbort() {
        throw new Error("a bug in a stream");
      },
    };
    resolve(request.connection.streams.accept(request, WINDOW, consumer));
  });
});
const silent = { onMessage() {}, onEnd() {}, onWritable() {}, onAbort() {} };
const nobody = { onReply() {}, onFail() {} };
other.connection?.streams.open(301, 0, 0, writeText, "", WINDOW, silent, nobody);
other.commands.on(302, () => {});
await accepted;
const [far] = server.connections;
const last = far?.call(302, 0, 0, writeText, "", readText).catch((error: Error) => {
  process.stdout.write(`last call: ${error.message.slice(0, 13)}\n`);
});
far?.onClose(() => {
  throw new Error("a bug at the end");
});
far?.onClose(() => {
  process.stdout.write("heard of the end\n");
});
await far?.close();
await last;
await other.close();
await server.close();
const timers = process.getActiveResourcesInfo().filter((resource) => resource === "Timeout");
process.stdout.write(`timers left: ${timers.length}\n`);
