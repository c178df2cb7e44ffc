import { connect as connectTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { RpcClient, RpcServer, certificateAuth, certificateCredentials } from "../src/index.ts";
import { ECHO, readText, writeText } from "./support/bodies.ts";
import { Authority } from "./support/certificates.ts";
import { failureOf } from "./support/failure.ts";
import { startClient, startServer } from "./support/pair.ts";
import { until } from "./support/until.ts";
import type { Address, ClientTls, RpcError } from "../src/index.ts";

const ours = await Authority.create("ours");
const theirs = await Authority.create("theirs");
const server1 = await ours.issue("server one");
const server2 = await ours.issue("server two");
const alice = await ours.issue("alice");
const CA = { ca: ours.cert };
const QUICK = { reconnectMinMs: 1, reconnectMaxMs: 5 };

async function refusalOf(address: Address, tls: ClientTls): Promise<RpcError> {
  const client = new RpcClient({ address, tls });
  const error = await failureOf(client.connect());
  await client.close();
  return error;
}

/** The common name of the certificate that the server shows at the moment. */
async function shownAt(address: Address): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ ...address, ...CA, servername: "localhost" }, () => {
    resolve(String(socket.getPeerCertificate().subject["CN"]));
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

describe("certificates change without a restart", () => {
  test("of a server: connections stay, the next ones get the new one", async () => {
    const { server, address } = await startServer({ tls: server1 });
    const client = await startClient({ address, tls: CA });
    expect(await shownAt(address)).toBe("server one");
    server.reloadTls(server2);
    expect(await shownAt(address)).toBe("server two");
    expect(await client.call(ECHO, 0, 5000, writeText, "on", readText)).toBe("on");
    expect(() => server.reloadTls({ cert: "x", key: "y" })).toThrow(/DT_RPC_OPTIONS: tls: /u);
    expect(await shownAt(address)).toBe("server two");
  });

  test("of a server: whose clients are trusted", async () => {
    const tls = { ...server1, ...CA, clientCertificate: "required" } as const;
    const { server, address } = await startServer({ tls });
    const mine = await theirs.issue("x");
    const clientTls = { ...CA, ...mine };
    expect((await refusalOf(address, clientTls)).remoteCode).toBe("DT_RPC_CERTIFICATE");
    server.reloadTls({ ...tls, ca: [ours.cert, theirs.cert] });
    await startClient({ address, tls: clientTls });
    server.reloadTls(tls);
    expect((await refusalOf(address, clientTls)).remoteCode).toBe("DT_RPC_CERTIFICATE");
    expect(() => server.reloadTls(server1)).toThrow(/takes a new server/u);
  });

  test("of a client: the next connection has the new one", async () => {
    const tls = { ...server1, ...CA, clientCertificate: "required" } as const;
    const auth = { mechanisms: [certificateAuth()] };
    const { server, address } = await startServer({ tls, auth });
    const client = await startClient({
      address,
      tls: { ...CA, ...alice },
      auth: certificateCredentials(),
      ...QUICK,
    });
    client.reloadTls({ ...CA, ...(await ours.issue("alicia")) });
    expect(() => client.reloadTls({ ca: "x", key: "y" })).toThrow(/DT_RPC_OPTIONS/u);
    const [connection] = server.connections;
    expect(connection?.peer.identity.name).toBe("alice");
    await connection?.close();
    await until(() => client.isConnected, "a new connection");
    const [next] = server.connections;
    expect(next?.peer.identity.name).toBe("alicia");
  });

  test("only where there are any", () => {
    expect(() => new RpcServer().reloadTls(server1)).toThrow(/this server has none/u);
    const client = new RpcClient({ address: { host: "127.0.0.1", port: 1 } });
    expect(() => client.reloadTls(CA)).toThrow(/this client has none/u);
  });
});
