// Run as a process of its own: uses a server and a client, closes them, prints what is left, and
// ends by itself.
import { RpcClient, RpcServer } from "../../src/index.ts";
import { ECHO, readText, writeText } from "./bodies.ts";
import { until } from "./until.ts";

const server = new RpcServer();
server.commands.on(ECHO, (request, body, start, end) => {
  request.replyBytes(body.subarray(start, end));
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });
const client = new RpcClient({ address });
await client.connect();
const calls = Array.from({ length: 100 }, (_, index) =>
  client.call(ECHO, 0, 60_000, writeText, `${index}`, readText),
);
const replies = await Promise.all(calls);
await client.close();
await server.close();

/** Handles and requests of this process, but for those of its standard streams. */
function resources(): string[] {
  const standard = ["PipeWrap", "TTYWrap", "FileHandle", "Immediate"];
  return process.getActiveResourcesInfo().filter((name) => !standard.includes(name));
}

// The handles leave the list a turn after their end was reported.
await until(() => resources().length === 0, "the end of all resources");
process.stdout.write(`replies ${replies.length}, resources: none\n`);
