import {
  RpcClient,
  RpcServer,
  makeScramSecret,
  parseScramSecret,
  scramAuth,
  scramCredentials,
} from "@dt/rpc";

const users = new Map([["alice", parseScramSecret(await makeScramSecret("wonderland"))]]);
const server = new RpcServer({
  auth: { mechanisms: [scramAuth((name) => users.get(name) ?? null)] },
  authorize: ({ name }, command) => name === "alice" && command >= 256,
});
server.commands.on(256, (request) => {
  request.replyBytes(Buffer.from(`hello ${request.connection.peer.identity.name}`));
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });

const client = new RpcClient({ address, auth: scramCredentials("alice", "wonderland") });
await client.connect();
const nothing = (): void => {};
const readText = (body: Buffer, start: number, end: number): string =>
  body.toString("utf8", start, end);
process.stdout.write(`${await client.call(256, 0, 1000, nothing, null, readText)}\n`);
await client.close();
await server.close();
