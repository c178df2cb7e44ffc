import { RpcClient, RpcServer, createClient } from "@dt/rpc";
import { ArchiveDefinition } from "./src/gen/chat.ts";
import type { Line } from "./src/gen/chat.ts";

const archive: Line[] = [];
const server = new RpcServer();
server.addService(ArchiveDefinition, {
  async *history({ room }) {
    yield* archive.filter((line) => line.room === room);
  },
  async import(lines) {
    for await (const line of lines) {
      archive.push(line);
    }
    return { lines: archive.length };
  },
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });

const client = new RpcClient({ address });
await client.connect();
const { history, import: add } = createClient(ArchiveDefinition, client, { timeoutMs: 1000 });
await add([{ room: "tea", author: "ann", text: "hello" }]);
for await (const { author, text } of history({ room: "tea" })) {
  process.stdout.write(`${author}: ${text}\n`);
}
await client.close();
await server.close();
