import { describe, expect, onTestFinished, test } from "vitest";
import {
  RpcClient,
  RpcServer,
  makeScramSecret,
  parseScramSecret,
  scramAuth,
  scramCredentials,
  tokenAuth,
  tokenCredentials,
  tokenDigest,
} from "../src/index.ts";
import { failureOf } from "./support/failure.ts";
import { LOOPBACK } from "./support/pair.ts";
import { conversation, play, playServer } from "./support/protocol-page.ts";
import { RAW_IDENTITY, RAW_LIMITS, rawConnect, rawServer } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";
import type { Address, ClientCredentials } from "../src/index.ts";

/** The example of RFC 7677, section 3. */
const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const SECRET = parseScramSecret(await makeScramSecret("pencil", { iterations: 4096, salt: SALT }));

const SCRAM = scramCredentials("user", "pencil", { random: () => CLIENT_NONCE });
const TOKEN = tokenCredentials("open sesame", { allowPlaintext: true });
const WRONG_TOKEN = tokenCredentials("open says me", { allowPlaintext: true });

async function startServer(): Promise<Address> {
  const server = new RpcServer({
    identity: { processId: "00112233445566778899aabbccddeeff", role: "server" },
    auth: {
      mechanisms: [
        scramAuth((name) => (name === "user" ? SECRET : null), { random: () => SERVER_NONCE }),
        tokenAuth([{ name: "alice", sha256: tokenDigest("open sesame") }]),
      ],
    },
  });
  onTestFinished(() => server.close());
  return server.listen(LOOPBACK);
}

const CONVERSATIONS: readonly [heading: string, frames: number, auth: ClientCredentials][] = [
  ["Authentication", 4, SCRAM],
  ["Authentication by token", 2, TOKEN],
  ["Failed authentication", 2, WRONG_TOKEN],
];

describe("PROTOCOL.md", () => {
  test.each(CONVERSATIONS)("has %s as a server answers it", async (heading, count) => {
    const frames = conversation(heading);
    expect(frames).toHaveLength(count);
    await play(await rawConnect(await startServer()), frames);
  });

  test.each(CONVERSATIONS)("has %s as a client sends it", async (heading, _count, auth) => {
    const { address, peers } = await rawServer();
    const { processId, role } = RAW_IDENTITY;
    const client = new RpcClient({ ...RAW_LIMITS, address, auth, identity: { processId, role } });
    onTestFinished(() => client.close());
    const isRefused = auth === WRONG_TOKEN;
    const connected = isRefused ? failureOf(client.connect()) : client.connect();
    await until(() => peers.length > 0, "the client's connection");
    await playServer(peers[0]!, conversation(heading));
    expect(await connected).toEqual(
      isRefused ? expect.objectContaining({ remoteCode: "DT_RPC_UNAUTHENTICATED" }) : undefined,
    );
    expect(client.isConnected).toBe(!isRefused);
  });
});
