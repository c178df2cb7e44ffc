import { readdirSync } from "node:fs";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { encodeOffer } from "../src/handshake-frame.ts";
import {
  RpcClient,
  RpcServer,
  Status,
  certificateAuth,
  certificateCredentials,
  tokenAuth,
  tokenCredentials,
  tokenDigest,
} from "../src/index.ts";
import { ECHO, readLength, readText, writeBytes, writeText } from "./support/bodies.ts";
import { Authority } from "./support/certificates.ts";
import { failureOf } from "./support/failure.ts";
import { startClient, startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, RawPeer, rawConnect } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { Address, ClientOptions, ClientTls, RpcError, ServerOptions } from "../src/index.ts";

const ours = await Authority.create("ours");
const theirs = await Authority.create("theirs");
const server1 = await ours.issue("server one");
const alice = await ours.issue("alice");
const CA = { ca: ours.cert };

async function refusalOf(
  address: Address,
  tls: ClientTls,
  options: Omit<ClientOptions, "address" | "tls"> = {},
): Promise<RpcError> {
  const client = new RpcClient({ address, tls, ...options });
  const error = await failureOf(client.connect());
  await client.close();
  return error;
}

describe("TLS", () => {
  test("carries calls of every size in both directions", async () => {
    const { address } = await startServer({ tls: server1 });
    const client = await startClient({ address, tls: CA });
    const sizes = [0, 1, 16_383, 16_384, 16_385, 65_536, 1_000_000];
    const calls = sizes.map((size) =>
      client.call(ECHO, 0, 60_000, writeBytes, Buffer.alloc(size, size), readLength),
    );
    expect(await Promise.all(calls)).toEqual(sizes);
    const many = Array.from({ length: 5000 }, (_, index) =>
      client.call(ECHO, 0, 60_000, writeText, `${index}`, readText),
    );
    expect(await Promise.all(many)).toEqual(Array.from(many, (_, index) => `${index}`));
  });

  test("works over a host's name, the name in the options and 1.3 only", async () => {
    const named = await ours.issue("named", { hosts: ["db.example"] });
    const { address } = await startServer({ tls: { ...named, minVersion: "TLSv1.3" } });
    expect(await refusalOf(address, CA)).toMatchObject({
      code: "DT_RPC_TLS",
      fault: { reason: "ERR_TLS_CERT_ALTNAME_INVALID" },
    });
    const client = await startClient({ address, tls: { ...CA, serverName: "db.example" } });
    expect(await client.call(ECHO, 0, 5000, writeText, "hi", readText)).toBe("hi");
  });

  test("lets a token travel", async () => {
    const mechanisms = [tokenAuth([{ name: "ci", sha256: tokenDigest("t0ken") }])];
    const { server, address } = await startServer({ tls: server1, auth: { mechanisms } });
    await startClient({ address, tls: CA, auth: tokenCredentials("t0ken") });
    const [connection] = server.connections;
    expect(connection?.peer.identity).toEqual({ kind: "token", name: "ci" });
  });

  test("is given up after the time for the handshake when nothing comes", async () => {
    const { server, address } = await startServer({ tls: server1, handshakeTimeoutMs: 30 });
    const reasons: unknown[] = [];
    server.onRefused(({ fault }) => reasons.push(fault));
    const peer = await rawConnect(address);
    await peer.closed();
    expect(reasons).toMatchObject([{ code: "DT_RPC_TLS", reason: "ERR_TLS_HANDSHAKE_TIMEOUT" }]);
  });

  test("is given up after it when no handshake follows", async () => {
    const { server, address } = await startServer({ tls: server1, handshakeTimeoutMs: 100 });
    const codes: unknown[] = [];
    server.onRefused(({ code }) => codes.push(code));
    const socket = connectTls({ ...address, ...CA });
    const peer = new RawPeer(socket);
    await peer.closed();
    await until(() => codes.length > 0, "the end of the handshake");
    expect(server.connections.size).toBe(0);
  });

  test("takes what follows the handshake in the same record", async () => {
    const { address } = await startServer({ tls: server1 });
    const peer = new RawPeer(connectTls({ ...address, ...CA }));
    const request = Buffer.from("0000000e1100010000000007000000006869", "hex");
    peer.sendBytes(Buffer.concat([encodeOffer(RAW_IDENTITY, RAW_LIMITS), request]));
    await peer.frame();
    expect(await peer.frame()).toBe("0000000e" + "12000100" + "00000007" + "00000000" + "6869");
  });
});

describe("a client refuses a server whose certificate", () => {
  test.each([
    ["is of another authority", theirs.issue("x"), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["has ended", ours.expired("x"), "CERT_HAS_EXPIRED"],
    [
      "has not begun",
      ours.issue("x", { notBefore: new Date(Date.now() + 86_400_000) }),
      "CERT_NOT_YET_VALID",
    ],
    ["is of another host", ours.issue("x", { hosts: ["other"] }), "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("%s", async (_name, certificate, reason) => {
    const { server, address } = await startServer({ tls: await certificate });
    const error = await refusalOf(address, CA);
    expect(error).toMatchObject({ code: "DT_RPC_TLS", mayHaveExecuted: false, fault: { reason } });
    expect(error.cause).toBeInstanceOf(Error);
    await until(() => server.counters.handshakesFailed === 1, "the count at the server");
    expect(server.connections.size).toBe(0);
  });

  test("is not trusted by this machine, when no CA is given", async () => {
    const { address } = await startServer({ tls: server1 });
    expect((await refusalOf(address, {})).code).toBe("DT_RPC_TLS");
  });

  test("is not trusted because the environment says so", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const { address } = await startServer({ tls: server1 });
    expect((await refusalOf(address, {})).code).toBe("DT_RPC_TLS");
  });
});

describe("a server that requires certificates", () => {
  const required = { ...server1, ...CA, clientCertificate: "required" } as const;

  test("knows clients by them", async () => {
    const { server, address } = await startServer({
      tls: required,
      auth: { mechanisms: [certificateAuth()] },
    });
    await startClient({ address, tls: { ...CA, ...alice }, auth: certificateCredentials() });
    const [connection] = server.connections;
    expect(connection?.peer.identity).toEqual({ kind: "mtls", name: "alice" });
  });

  test.each([
    ["none", Promise.resolve({}), "no trusted certificate|UNABLE_TO_GET_ISSUER_CERT"],
    ["one of another authority", theirs.issue("alice"), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["one that has ended", ours.expired("alice"), "CERT_HAS_EXPIRED"],
  ])("tells a client with %s why it is refused", async (_name, certificate, reason) => {
    const { server, address } = await startServer({ tls: required });
    const error = await refusalOf(address, { ...CA, ...(await certificate) });
    expect(error).toMatchObject({
      code: "DT_RPC_REFUSED",
      status: Status.unauthenticated,
      remoteCode: "DT_RPC_CERTIFICATE",
    });
    expect(error.message).toMatch(new RegExp(reason, "u"));
    expect(server.connections.size).toBe(0);
  });

  test("takes no resumed session for a certificate that was never shown", async () => {
    const { server, address } = await startServer({ tls: required });
    const target = { ...address, ...CA };
    const sessions: Buffer[] = [];
    const first = connectTls(target);
    first.on("session", (session: Buffer) => sessions.push(session));
    await new RawPeer(first).closed();
    const [session] = sessions;
    const second = connectTls({ ...target, ...(session === undefined ? {} : { session }) });
    let wasReused = false;
    second.on("secureConnect", () => {
      wasReused = second.isSessionReused();
    });
    const peer = new RawPeer(second);
    peer.sendBytes(encodeOffer(RAW_IDENTITY, RAW_LIMITS));
    expect(await peer.frame()).toContain(Buffer.from("DT_RPC_CERTIFICATE").toString("hex"));
    expect(wasReused).toBe(true);
    expect(server.connections.size).toBe(0);
  });

  test("and are optional takes none for an identity that it cannot trust", async () => {
    const { address } = await startServer({
      tls: { ...required, clientCertificate: "optional" },
      auth: { mechanisms: [certificateAuth()] },
    });
    const auth = certificateCredentials();
    const forged = await theirs.issue("alice");
    for (const tls of [CA, { ...CA, ...forged }]) {
      const error = await refusalOf(address, tls, { auth });
      expect(error.remoteCode).toBe("DT_RPC_UNAUTHENTICATED");
    }
    await startClient({ address, tls: { ...CA, ...alice }, auth });
  });

  test("asks the user for another name than the common one", async () => {
    const mechanism = certificateAuth({
      nameOf: ({ subjectAltName }) => subjectAltName?.split(", ")[0] ?? null,
    });
    const auth = { mechanisms: [mechanism] };
    const { server, address } = await startServer({ tls: required, auth });
    await startClient({ address, tls: { ...CA, ...alice }, auth: certificateCredentials() });
    const [connection] = server.connections;
    expect(connection?.peer.identity.name).toBe("IP Address:127.0.0.1");
  });
});

describe("one side with TLS, the other without", () => {
  test("ends with a code at a plain client", async () => {
    const { server, address } = await startServer({ tls: server1 });
    const client = new RpcClient({ address });
    const error = await failureOf(client.connect());
    await client.close();
    expect(["DT_RPC_PROTOCOL", "DT_RPC_SOCKET", "DT_RPC_CONNECTION_LOST"]).toContain(error.code);
    await until(() => server.counters.handshakesFailed === 1, "the count at the server");
  });

  test("ends with a code at a plain server, which says what it saw", async () => {
    const { server, address } = await startServer();
    const facts: string[] = [];
    server.onRefused(({ message }) => facts.push(message));
    expect(["DT_RPC_TLS", "DT_RPC_CONNECT"]).toContain((await refusalOf(address, CA)).code);
    expect(facts.join()).toContain("the peer speaks TLS");
  });

  test.each(["TLSv1", "TLSv1.1"] as const)("of %s is refused", async (maxVersion) => {
    const { server, address } = await startServer({ tls: server1 });
    const { promise, resolve, reject } = Promise.withResolvers<Error>();
    const ciphers = "DEFAULT@SECLEVEL=0";
    const socket = connectTls({ ...address, ...CA, minVersion: "TLSv1", maxVersion, ciphers }, () =>
      reject(new Error(`connected with ${String(socket.getProtocol())}`)),
    );
    socket.on("error", resolve);
    await promise;
    await until(() => server.counters.handshakesFailed === 1, "the count at the server");
  });
});

describe("life of connections with TLS", () => {
  test("bad certificates a thousand times leave no file open", async () => {
    const { server, address } = await startServer({ tls: server1, maxConnections: 50 });
    await refusalOf(address, { ca: theirs.cert });
    const openFiles = (): number => readdirSync("/proc/self/fd").length;
    const before = process.platform === "linux" ? openFiles() : 0;
    const client = new RpcClient({
      address,
      tls: { ca: theirs.cert },
      reconnectMinMs: 1,
      reconnectMaxMs: 1,
    });
    const codes = new Set<string>();
    client.onAttemptFailed(({ code }) => codes.add(code));
    client.connect().catch(() => {});
    await until(() => client.counters.attemptsFailed >= 1000, "a thousand attempts");
    await client.close();
    expect([...codes]).toEqual(["DT_RPC_TLS"]);
    await startClient({ address, tls: CA });
    if (process.platform === "linux") {
      await until(() => openFiles() <= before + 4, "the end of all sockets");
    }
    expect(server.connections.size).toBe(1);
  });

  test("more than a server takes are cut off, and counted while they are in the handshake", async () => {
    const { server, address } = await startServer({ tls: server1, maxConnections: 2 });
    const silent = await rawConnect(address);
    await startClient({ address, tls: CA });
    const error = await refusalOf(address, CA);
    expect(error.code).toBe("DT_RPC_CONNECT");
    silent.socket.destroy();
    await until(() => server.counters.handshakesFailed >= 2, "the end of the silent one");
    await startClient({ address, tls: CA });
  });

  test("are made through a flood of others that never finish theirs", async () => {
    const handshakeTimeoutMs = 3_600_000;
    const options = { tls: server1, maxHandshakes: 4, handshakeTimeoutMs };
    const { server, address } = await startServer(options);
    const silent = await Promise.all(Array.from({ length: 20 }, () => rawConnect(address)));
    const client = await startClient({ address, tls: CA });
    expect(await client.call(ECHO, 0, 60_000, writeText, "in", readText)).toBe("in");
    await until(() => silent.filter(({ isClosed }) => !isClosed).length <= 4, "the oldest to go");
    expect(server.connections.size).toBe(1);
  });

  test("end with the server, whatever they are at", async () => {
    const { server, address } = await startServer({ tls: server1 });
    const silent = await rawConnect(address);
    const secured = new RawPeer(connectTls({ ...address, ...CA }));
    const client = await startClient({ address, tls: CA });
    await until(() => secured.socket.readyState === "open", "the TLS connection");
    const calls = client.call(ECHO, 0, 60_000, writeText, "last", readText);
    expect(await calls).toBe("last");
    await server.close({ drainMs: 5000 });
    await Promise.all([silent.closed(), secured.closed()]);
    expect(server.connections.size).toBe(0);
  });
});

test("bad options of TLS are all listed", () => {
  const bad: [ServerOptions, RegExp][] = [
    [{ tls: {} }, /tls\.cert: a server needs/u],
    [{ tls: { cert: server1.cert } }, /cert and key belong together/u],
    [{ tls: { cert: "x", key: "y" } }, /tls: /u],
    [{ tls: { ...server1, key: alice.key } }, /tls: .*(mismatch|key)/iu],
    [{ tls: { ...server1, clientCertificate: "optional" } }, /tls\.ca: say whose/u],
    [{ tls: { ...server1, minVersion: "TLSv1.1" as "TLSv1.2" } }, /tls\.minVersion: /u],
    [{ tls: { ...server1, what: 1 } as object }, /tls\.what: unknown/u],
  ];
  for (const [options, message] of bad) {
    expect(() => new RpcServer(options)).toThrow(message);
  }
});
