import { RpcClient, RpcServer } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";

const GREET = 256;
const writeText = (writer: ByteWriter, text: string): void => writer.utf8(text);
const readText = (body: Buffer, start: number, end: number): string =>
  body.toString("utf8", start, end);

const server = new RpcServer();
server.commands.on(GREET, (request, body, start, end) => {
  request.reply(writeText, `hello ${readText(body, start, end)}`);
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });

const client = new RpcClient({ address });
await client.connect();
const greeting = await client.call(GREET, 0, 1000, writeText, "world", readText);
process.stdout.write(`${greeting}\n`);
await client.close();
await server.close();
