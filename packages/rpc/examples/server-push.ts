// Both sides of a connection are alike: a server calls its clients and sends them one-ways.
import { RpcClient, RpcServer } from "@dt/rpc";
import type { ByteWriter } from "@dt/codec";

const SUBSCRIBE = 256;
const PRICE = 257;
const CONFIRM = 258;
const writeText = (writer: ByteWriter, text: string): void => writer.utf8(text);
const readText = (body: Buffer, start: number, end: number): string =>
  body.toString("utf8", start, end);
const readNothing = (): null => null;

const server = new RpcServer();
server.commands.on(SUBSCRIBE, (request) => {
  const { connection } = request;
  request.replyEmpty();
  for (const price of ["101", "102", "103"]) {
    // False would mean that the client does not read fast enough: this price is left out.
    connection.oneWay(PRICE, 0, writeText, price);
  }
  // One-ways and calls arrive in the order they were made.
  void connection.call(CONFIRM, 0, 1000, writeText, "103", readText).then((answer) => {
    process.stdout.write(`the client says ${answer}\n`);
  });
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });

const client = new RpcClient({ address });
const prices: string[] = [];
client.commands.on(PRICE, (_request, body, start, end) => {
  prices.push(readText(body, start, end));
});
const confirmed = new Promise<void>((resolve) => {
  client.commands.on(CONFIRM, (request, body, start, end) => {
    request.reply(writeText, `${prices.join(" ")}, last ${readText(body, start, end)}`);
    resolve();
  });
});
await client.connect();
await client.call(SUBSCRIBE, 0, 1000, writeText, "", readNothing);
await confirmed;
await client.close({ drainMs: 1000 });
await server.close({ drainMs: 1000 });
