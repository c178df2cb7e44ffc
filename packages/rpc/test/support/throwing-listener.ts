// Run as a process of its own: a listener that throws is an error of the program, which ends with it
// unless it says otherwise.
import { RpcClient, RpcServer } from "../../src/index.ts";
import { NOTE, readText, writeText } from "./bodies.ts";

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
await server.close();
