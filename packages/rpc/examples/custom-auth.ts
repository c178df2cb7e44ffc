// A way to authenticate of one's own: the server sends a number used once, the client signs it with
// the key both know. And a rule who may send which command.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { RpcClient, RpcError, RpcServer } from "@dt/rpc";
import type { ClientCredentials, ServerExchange, ServerMechanism } from "@dt/rpc";

const READ = 256;
const WRITE = 257;
const KEYS = new Map([["reader", "first shared key"] as const, ["writer", "second shared key"]]);

function sign(key: string, nonce: Uint8Array): Buffer {
  return createHmac("sha256", key).update(nonce).digest();
}

function exchange(): ServerExchange {
  const nonce = randomBytes(16);
  let name: string | null = null;
  return {
    step(data) {
      if (name === null) {
        name = data.toString();
        return { kind: "challenge", data: nonce };
      }
      // An unknown name is compared too, so that its refusal takes as long.
      const expected = sign(KEYS.get(name) ?? randomBytes(16).toString("hex"), nonce);
      return data.length === expected.length && timingSafeEqual(data, expected)
        ? { kind: "accept", identity: { kind: "signed", name }, data: Buffer.alloc(0) }
        : { kind: "reject", reason: "a wrong signature" };
    },
  };
}
const mechanism: ServerMechanism = { name: "SIGNED-NONCE", start: exchange };

const credentials = (name: string, key: string): ClientCredentials => ({
  name: "SIGNED-NONCE",
  isReplayable: false,
  start: () => ({ first: () => Buffer.from(name), step: (nonce) => sign(key, nonce), finish() {} }),
});

const server = new RpcServer({
  auth: { mechanisms: [mechanism] },
  authorize: ({ name }, command) => name === "writer" || command === READ,
});
server.commands.on(WRITE, (request) => request.replyEmpty());
const address = await server.listen({ host: "127.0.0.1", port: 0 });

const none = (): null => null;
for (const [name, key] of [...KEYS, ["writer", "a guess"] as const]) {
  const client = new RpcClient({ address, auth: credentials(name, key) });
  const write = (): Promise<null> => client.call(WRITE, 0, 1000, none, null, none);
  const codeOf = (error: unknown) => (error instanceof RpcError ? error.remoteCode : String(error));
  const outcome = await client.connect().then(write).catch(codeOf);
  process.stdout.write(`${name}: ${outcome ?? "has written"}\n`);
  await client.close();
}
await server.close();
