// A command and a call of it: bytes in, bytes out.
import { RpcClient, RpcServer } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";

const ECHO = 256;
const writeText = (writer: ByteWriter, text: string): void => writer.utf8(text);
const readText = (body: Buffer, start: number, end: number): string =>
  body.toString("utf8", start, end);

const server = new RpcServer();
// The body is a view that is valid until the handler returns; replyBytes copies it.
server.commands.on(ECHO, (request, body, start, end) => {
  request.replyBytes(body.subarray(start, end));
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });

const client = new RpcClient({ address });
await client.connect();
// Every call of one turn of the event loop leaves in the same write.
const words = ["one", "two", "three"];
const calls = words.map((word) => client.call(ECHO, 0, 1000, writeText, word, readText));
process.stdout.write(`${(await Promise.all(calls)).join(" ")}\n`);
await client.close();
await server.close();
