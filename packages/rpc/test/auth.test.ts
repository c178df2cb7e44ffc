import { describe, expect, test } from "vitest";
import { encodeAnswer } from "../src/auth-step-frame.ts";
import { encodeAcceptance, encodeOffer } from "../src/handshake-frame.ts";
import {
  RpcClient,
  Status,
  anonymousAuth,
  certificateAuth,
  makeScramSecret,
  parseScramSecret,
  scramAuth,
  scramCredentials,
  tokenAuth,
  tokenCredentials,
  tokenDigest,
} from "../src/index.ts";
import { ECHO, NOTE, readText, writeText } from "./support/bodies.ts";
import { failureOf } from "./support/failure.ts";
import { startClient, startServer } from "./support/pair.ts";
import { RAW_IDENTITY, RAW_LIMITS, rawConnect, rawServer } from "./support/raw-peer.ts";
import { unreadableRefusal } from "./support/unreadable-refusal.ts";
import { until } from "./support/until.ts";
import type {
  Address,
  ClientCredentials,
  RpcError,
  ServerAuthOptions,
  ServerMechanism,
} from "../src/index.ts";

const ALICE = parseScramSecret(await makeScramSecret("wonderland", { iterations: 4096 }));
const scram = scramAuth((name) => (name === "alice" ? ALICE : null), { decoyIterations: 4096 });
const alice = scramCredentials("alice", "wonderland");
const tokens = tokenAuth([
  { name: "ci", sha256: tokenDigest("t0ken") },
  { name: "bob", sha256: tokenDigest("other") },
]);
const ci = tokenCredentials("t0ken", { allowPlaintext: true });
const QUICK = { reconnectMinMs: 1, reconnectMaxMs: 5 };

/** Why the client cannot connect. */
async function refusalOf(address: Address, auth?: ClientCredentials): Promise<RpcError> {
  const client = new RpcClient({ address, ...(auth === undefined ? {} : { auth }) });
  const error = await failureOf(client.connect());
  await client.close();
  return error;
}

function offer(mechanism: string, data: string): Buffer {
  return encodeOffer(RAW_IDENTITY, RAW_LIMITS, { mechanism, data: Buffer.from(data) });
}

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

const UNAUTHENTICATED = {
  code: "DT_RPC_REFUSED",
  status: Status.unauthenticated,
  remoteCode: "DT_RPC_UNAUTHENTICATED",
  mayHaveExecuted: false,
};

describe("a client that proves who it is", () => {
  test.each([
    ["scram", alice, { kind: "scram", name: "alice" }],
    ["a token", ci, { kind: "token", name: "ci" }],
  ])("by %s is known by it to the server", async (_name, auth, identity) => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram, tokens] } });
    const client = await startClient({ address, auth });
    expect(await client.call(ECHO, 0, 5000, writeText, "hi", readText)).toBe("hi");
    const [connection] = server.connections;
    expect(connection?.peer.identity).toEqual(identity);
  });

  test("and one that does not are both served where both may", async () => {
    const auth = { mechanisms: [scram, anonymousAuth()] };
    const { server, address } = await startServer({ auth });
    await startClient({ address });
    await startClient({ address, auth: alice });
    const identities = [...server.connections].map(({ peer }) => peer.identity);
    expect(identities).toEqual([
      { kind: "anonymous", name: "" },
      { kind: "scram", name: "alice" },
    ]);
  });

  test("does it again with each connection", async () => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram] } });
    const client = await startClient({ address, auth: alice, ...QUICK });
    for (let round = 0; round < 3; round++) {
      const old = client.connection;
      const [connection] = server.connections;
      await connection?.close();
      await until(() => client.isConnected && client.connection !== old, "a new connection");
    }
  });

  test("may do so by a mechanism of one's own, with challenges and promises", async () => {
    const mechanism: ServerMechanism = {
      name: "SUM",
      start() {
        const asked: number[] = [];
        return {
          async step(data) {
            await Promise.resolve();
            asked.push(Number(data.toString()));
            return asked.length < 4
              ? { kind: "challenge", data: Buffer.from(`${asked.length}`) }
              : {
                  kind: "accept",
                  identity: { kind: "sum", name: asked.join("+") },
                  data: Buffer.from("bye"),
                };
          },
        };
      },
    };
    const last: string[] = [];
    const credentials: ClientCredentials = {
      name: "SUM",
      isReplayable: false,
      start: () => ({
        first: () => Buffer.from("7"),
        step: (challenge) => Buffer.from(`${Number(challenge.toString()) * 10}`),
        finish: (data) => void last.push(data.toString()),
      }),
    };
    const { server, address } = await startServer({ auth: { mechanisms: [mechanism] } });
    await startClient({ address, auth: credentials });
    const [connection] = server.connections;
    expect(connection?.peer.identity).toEqual({ kind: "sum", name: "7+10+20+30" });
    expect(last).toEqual(["bye"]);
  });
});

describe("a server that wants to know", () => {
  test.each([
    ["no credentials", undefined],
    ["a wrong password", scramCredentials("alice", "wonderlanD")],
    ["an unknown user", scramCredentials("mallory", "wonderland")],
    ["an unknown token", tokenCredentials("t0kem", { allowPlaintext: true })],
    ["a mechanism that it does not offer", { ...ci, name: "PLAIN" }],
  ])("refuses a client with %s", async (_name, auth) => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram, tokens] } });
    const reasons: RpcError[] = [];
    server.onRefused((error) => reasons.push(error));
    expect(await refusalOf(address, auth)).toMatchObject(UNAUTHENTICATED);
    expect(reasons.map(({ code }) => code)).toEqual(["DT_RPC_UNAUTHENTICATED"]);
    expect(server.connections.size).toBe(0);
  });

  test("tells a wrong password and an unknown user apart to its own log only", async () => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram] } });
    const reasons: string[] = [];
    server.onRefused((error) => reasons.push(error.message));
    const wrong = await refusalOf(address, scramCredentials("alice", "x"));
    const unknown = await refusalOf(address, scramCredentials("mallory", "x"));
    expect(wrong.message).toBe(unknown.message);
    expect(reasons[1]).toContain("mallory");
  });

  test("does not take a certificate where there is none", async () => {
    const { address } = await startServer({ auth: { mechanisms: [certificateAuth()] } });
    const auth = { ...ci, name: "EXTERNAL" };
    expect(await refusalOf(address, auth)).toMatchObject(UNAUTHENTICATED);
  });

  test("serves no request of a client that it has not accepted", async () => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram] } });
    let served = 0;
    server.commands.on(NOTE, () => served++);
    const peer = await rawConnect(address);
    const note = Buffer.from("0000000c 13 00 0103 00000000 00000000".replaceAll(" ", ""), "hex");
    peer.sendBytes(Buffer.concat([offer("SCRAM-SHA-256", "n,,n=alice,r=abc"), note, note]));
    expect(await peer.frame()).toContain(hex("r=abc"));
    expect(await peer.frame()).toContain(hex("DT_RPC_FIRST_FRAME"));
    await peer.closed();
    expect(served).toBe(0);
  });

  test.each([
    ["a malformed message", [offer("SCRAM-SHA-256", "n,,oops")]],
    ["the name of no mechanism", [offer("\u0000\uffff", "x")]],
    ["a name only", [offer("SCRAM-SHA-256", "")]],
    ["64 KiB in a message", [offer("SCRAM-SHA-256", "n".repeat(65_000))]],
  ])("refuses %s", async (_name, frames) => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram] } });
    const peer = await rawConnect(address);
    peer.sendBytes(Buffer.concat(frames));
    expect(await peer.frame()).toContain(hex("DT_RPC_UNAUTHENTICATED"));
    await peer.closed();
    await until(() => server.counters.handshakesFailed === 1, "the count");
  });

  test("reads no more than 64 KiB of a peer, however many frames it takes", async () => {
    const mechanism: ServerMechanism = {
      name: "ENDLESS",
      start: () => ({ step: () => ({ kind: "challenge", data: Buffer.alloc(0) }) }),
    };
    const { server, address } = await startServer({ auth: { mechanisms: [mechanism] } });
    const peer = await rawConnect(address);
    peer.sendBytes(offer("ENDLESS", ""));
    for (let seq = 1; seq <= 7; seq++) {
      await peer.frame();
      peer.sendBytes(encodeAnswer(seq, Buffer.alloc(10_000)));
    }
    expect(await peer.frame()).toContain(hex("DT_RPC_FIRST_FRAME"));
    await peer.closed();
    expect(server.counters.handshakesFailed).toBe(1);
  });

  test("takes a client's refusal for one, whatever its bytes are", async () => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram] } });
    const codes: string[] = [];
    server.onRefused(({ code }) => codes.push(code));
    const peer = await rawConnect(address);
    peer.sendBytes(offer("SCRAM-SHA-256", "n,,n=alice,r=abc"));
    await peer.frame();
    peer.sendBytes(unreadableRefusal());
    await peer.closed();
    expect(codes).toEqual(["DT_RPC_REFUSED"]);
  });

  test("gives the whole exchange no more than the time for the handshake", async () => {
    const auth = { mechanisms: [scram] };
    const { server, address } = await startServer({ auth, handshakeTimeoutMs: 50 });
    const codes: string[] = [];
    server.onRefused(({ code }) => codes.push(code));
    const peer = await rawConnect(address);
    peer.sendBytes(offer("SCRAM-SHA-256", "n,,n=alice,r=abc"));
    await peer.closed();
    expect(codes).toEqual(["DT_RPC_HANDSHAKE_TIMEOUT"]);
  });

  test.each([
    ["rejects", () => Promise.reject(new Error("the directory is down"))],
    [
      "throws",
      () => {
        throw new Error("a bug");
      },
    ],
  ])("takes a look-up of users that %s for a no", async (_name, users) => {
    const { address } = await startServer({ auth: { mechanisms: [scramAuth(users)] } });
    expect(await refusalOf(address, alice)).toMatchObject(UNAUTHENTICATED);
  });
});

describe("a client that wants to be known", () => {
  /** Answers an offer as a server without authentication does, or one that lies. */
  async function skipping(answer: Buffer): Promise<RpcError> {
    const { address, peers } = await rawServer();
    const client = new RpcClient({ address, auth: alice });
    const connecting = failureOf(client.connect());
    await until(() => peers.length > 0, "a connection");
    await peers[0]!.frame();
    peers[0]!.sendBytes(answer);
    const error = await connecting;
    await client.close();
    await peers[0]!.closed();
    return error;
  }

  const accepted = (data: string): Buffer =>
    encodeAcceptance(1, RAW_IDENTITY, RAW_LIMITS, {
      mechanism: "SCRAM-SHA-256",
      data: Buffer.from(data),
    });

  test.each([
    ["skips it", encodeAcceptance(1, RAW_IDENTITY, RAW_LIMITS)],
    ["accepts without a challenge", accepted("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")],
    [
      "names another mechanism",
      encodeAcceptance(1, RAW_IDENTITY, RAW_LIMITS, { mechanism: "TOKEN", data: Buffer.alloc(0) }),
    ],
  ])("does not talk to a server that %s", async (_name, answer) => {
    const error = await skipping(answer);
    expect(error).toMatchObject({ code: "DT_RPC_UNAUTHENTICATED", mayHaveExecuted: false });
  });

  test("does not talk to a real server that has no authentication", async () => {
    const { server, address } = await startServer();
    expect((await refusalOf(address, alice)).code).toBe("DT_RPC_UNAUTHENTICATED");
    await until(() => server.connections.size === 0, "the end of the connection");
  });

  test("does not talk to a server that does not know the password", async () => {
    const impostor = parseScramSecret(await makeScramSecret("guess", { iterations: 4096 }));
    const blind: ServerMechanism = {
      name: "SCRAM-SHA-256",
      start(context) {
        const real = scramAuth(() => impostor).start(context);
        let isFirst = true;
        return {
          async step(data) {
            const step = await real.step(data);
            const isChallenge = isFirst;
            isFirst = false;
            return isChallenge
              ? step
              : {
                  kind: "accept",
                  identity: { kind: "scram", name: "alice" },
                  data: Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
                };
          },
        };
      },
    };
    const { address } = await startServer({ auth: { mechanisms: [blind] } });
    expect((await refusalOf(address, alice)).code).toBe("DT_RPC_UNAUTHENTICATED");
  });

  test("sends no token over a network without TLS", () => {
    const auth = tokenCredentials("t0ken");
    const address = { host: "127.0.0.1", port: 1 };
    expect(() => new RpcClient({ address, auth })).toThrow(/DT_RPC_OPTIONS: auth: /u);
    expect(() => new RpcClient({ address: { path: "/tmp/x" }, auth })).not.toThrow();
  });
});

describe("guessing", () => {
  test("is slowed down after a few failures, and 1000 of them leave nothing behind", async () => {
    const auth: ServerAuthOptions = {
      mechanisms: [scram],
      maxLoginFailures: 5,
      loginFailureMs: 3_600_000,
    };
    const { server, address } = await startServer({ auth });
    const codes = new Map<string, number>();
    const wrong = scramCredentials("alice", "wrong");
    for (let round = 0; round < 50; round++) {
      const errors = await Promise.all(Array.from({ length: 20 }, () => refusalOf(address, wrong)));
      for (const { remoteCode } of errors) {
        codes.set(String(remoteCode), (codes.get(String(remoteCode)) ?? 0) + 1);
      }
    }
    expect(Object.fromEntries(codes)).toEqual({
      DT_RPC_UNAUTHENTICATED: 5,
      DT_RPC_LOGIN_LIMIT: 995,
    });
    // The right password does not help before the time is over: it could have been the next guess.
    expect((await refusalOf(address, alice)).remoteCode).toBe("DT_RPC_LOGIN_LIMIT");
    expect(server.connections.size).toBe(0);
    expect(server.counters.handshakesFailed).toBe(1001);
  });

  test("does not keep those out who are in", async () => {
    const auth = { mechanisms: [scram], maxLoginFailures: 1, loginFailureMs: 3_600_000 };
    const { address } = await startServer({ auth });
    const client = await startClient({ address, auth: alice });
    await refusalOf(address, scramCredentials("alice", "wrong"));
    expect(await client.call(ECHO, 0, 5000, writeText, "on", readText)).toBe("on");
  });

  test("by a client's own attempts goes on with the longest pauses", async () => {
    const { server, address } = await startServer({ auth: { mechanisms: [scram] } });
    const client = new RpcClient({
      address,
      auth: scramCredentials("alice", "wrong"),
      reconnectMinMs: 1,
      reconnectMaxMs: 3_600_000,
    });
    const failures: string[] = [];
    client.onAttemptFailed(({ code }) => failures.push(code));
    const refusal = await failureOf(client.connect());
    expect(await failureOf(client.connect())).toBe(refusal);
    // Attempts that went on after a millisecond would be there before another client is.
    for (let round = 0; round < 20; round++) {
      await startClient({ address, auth: alice });
    }
    expect(failures).toEqual(["DT_RPC_REFUSED"]);
    expect(server.counters.handshakesFailed).toBe(1);
    await client.close();
  });
});

test("bad options of an authentication are all listed", async () => {
  const { RpcServer } = await import("../src/index.ts");
  const auth = { mechanisms: [tokens, tokens], maxLoginFailures: 0, what: 1 };
  expect(() => new RpcServer({ auth })).toThrow(
    /"TOKEN" is there twice.*auth\.maxLoginFailures.*auth\.what: unknown/u,
  );
  expect(() => new RpcServer({ auth: { mechanisms: [] } })).toThrow(/auth\.mechanisms: empty/u);
  expect(() => tokenAuth([{ name: "x", sha256: "t0ken" }])).toThrow(RangeError);
  expect(() => scramCredentials("", "x")).toThrow(RangeError);
});
