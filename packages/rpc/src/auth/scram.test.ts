import { describe, expect, test } from "vitest";
import { Socket } from "node:net";
import { AuthFailure } from "./mechanism.ts";
import { scramCredentials } from "./scram-client.ts";
import { makeScramSecret, parseScramSecret } from "./scram-secret.ts";
import { scramAuth } from "./scram-server.ts";
import type { ServerExchange, ServerStep } from "./mechanism.ts";
import type { ScramSecret } from "./scram-secret.ts";

/** The example of RFC 7677, section 3. */
const RFC = {
  user: "user",
  password: "pencil",
  clientNonce: "rOprNGfwEbeRWgbNEkqO",
  serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"),
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverFirst:
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal:
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

const context = { socket: new Socket() };
const secret = parse(await makeScramSecret(RFC.password, { iterations: 4096, salt: RFC.salt }));

function parse(text: string): ScramSecret {
  const parsed = parseScramSecret(text);
  if (parsed === null) {
    throw new Error("no secret");
  }
  return parsed;
}

function exchange(serverNonce = RFC.serverNonce): ServerExchange {
  const users = (name: string) => (name === RFC.user ? secret : null);
  return scramAuth(users, { random: () => serverNonce, decoyIterations: 4096 }).start(context);
}

async function say(to: ServerExchange, text: string): Promise<string> {
  const step: ServerStep = await to.step(Buffer.from(text));
  return step.kind === "reject" ? "rejected" : Buffer.from(step.data).toString();
}

describe("SCRAM-SHA-256", () => {
  test("of a server is the RFC's example", async () => {
    const server = exchange();
    expect(await say(server, RFC.clientFirst)).toBe(RFC.serverFirst);
    expect(await server.step(Buffer.from(RFC.clientFinal))).toEqual({
      kind: "accept",
      identity: { kind: "scram", name: "user" },
      data: Buffer.from(RFC.serverFinal),
    });
  });

  test("of a client is the RFC's example", async () => {
    const random = () => RFC.clientNonce;
    const client = scramCredentials(RFC.user, RFC.password, { random }).start();
    expect(Buffer.from(client.first()).toString()).toBe(RFC.clientFirst);
    const answer = await client.step(Buffer.from(RFC.serverFirst));
    expect(Buffer.from(answer).toString()).toBe(RFC.clientFinal);
    expect(() => client.finish(Buffer.from(RFC.serverFinal))).not.toThrow();
  });

  test("refuses a recorded conversation that is played again", async () => {
    const server = exchange("another");
    await say(server, RFC.clientFirst);
    expect(await say(server, RFC.clientFinal)).toBe("rejected");
  });

  test("takes one proof, not a second try", async () => {
    const server = exchange();
    await say(server, RFC.clientFirst);
    expect(await say(server, RFC.clientFinal.replace("dHzb", "AAAA"))).toBe("rejected");
    expect(await say(server, RFC.clientFinal)).toBe("rejected");
  });

  test("shows an unknown user a salt that stays the same, as that of a known one does", async () => {
    const mechanism = scramAuth(() => null, { random: () => "x", decoyIterations: 4096 });
    const first = "n,,n=nobody,r=abc";
    const shown = await say(mechanism.start(context), first);
    expect(shown).toMatch(/^r=abcx,s=[A-Za-z0-9+/]{22}==,i=4096$/u);
    expect(await say(mechanism.start(context), first)).toBe(shown);
    expect(await say(mechanism.start(context), "n,,n=other,r=abc")).not.toBe(shown);
  });

  test.each([
    ["nothing", ""],
    ["bytes", "\u0000\uffff"],
    ["channel binding", "p=tls-unique,,n=user,r=abc"],
    ["an unknown extension that must be understood", "n,,m=x,n=user,r=abc"],
    ["another user to act as", "n,a=root,n=user,r=abc"],
    ["no nonce", "n,,n=user,r="],
    ["a nonce with spaces", "n,,n=user,r=a b"],
    ["no name", "n,,n=,r=abc"],
    ["a name with a bad escape", "n,,n=us=3Der=2,r=abc"],
    ["a name with a control character", "n,,n=us\u0007er,r=abc"],
    ["the proof first", RFC.clientFinal],
    ["too many bytes", `n,,n=${"u".repeat(5000)},r=abc`],
  ])("refuses a first message with %s", async (_name, text) => {
    expect(await say(exchange(), text)).toBe("rejected");
  });

  test.each([
    ["the first message again", RFC.clientFirst],
    ["another nonce", RFC.clientFinal.replace("r=rOpr", "r=rOps")],
    ["another channel", RFC.clientFinal.replace("biws", "eSws")],
    ["a proof that is no base64", RFC.clientFinal.replace("p=dHzb", "p=d*zb")],
    ["a proof of other length", RFC.clientFinal.replace(/p=.*/u, "p=AAAA")],
    ["no proof", RFC.clientFinal.replace(/,p=.*/u, "")],
    ["an extension that changes what is proved", RFC.clientFinal.replace(",p=", ",x=1,p=")],
  ])("refuses a last message with %s", async (_name, text) => {
    const server = exchange();
    await say(server, RFC.clientFirst);
    expect(await say(server, text)).toBe("rejected");
  });

  test.each([
    ["no message", "hello"],
    ["a nonce of another client", RFC.serverFirst.replace("r=rOpr", "r=xOpr")],
    ["no nonce of its own", RFC.serverFirst.replace(RFC.serverNonce, "")],
    ["too few iterations", RFC.serverFirst.replace("4096", "4095")],
    ["too many iterations", RFC.serverFirst.replace("4096", "1000001")],
    ["no salt", RFC.serverFirst.replace(/s=[^,]*/u, "s=")],
    ["an extension that must be understood", `m=x,${RFC.serverFirst}`],
  ])("gives up on a challenge with %s", async (_name, text) => {
    const random = () => RFC.clientNonce;
    const client = scramCredentials(RFC.user, RFC.password, { random }).start();
    await expect(client.step(Buffer.from(text))).rejects.toThrow(AuthFailure);
  });

  test.each([
    ["another signature", RFC.serverFinal.replace("6rri", "7rri")],
    ["a short one", "v=AAAA"],
    ["an error", "e=other-error"],
    ["nothing", ""],
  ])("gives up on a server that ends with %s", async (_name, text) => {
    const random = () => RFC.clientNonce;
    const client = scramCredentials(RFC.user, RFC.password, { random }).start();
    await client.step(Buffer.from(RFC.serverFirst));
    expect(() => client.finish(Buffer.from(text))).toThrow(AuthFailure);
  });

  test("gives up on a server that accepts without a challenge, or asks twice", async () => {
    const random = () => RFC.clientNonce;
    const client = scramCredentials(RFC.user, RFC.password, { random }).start();
    expect(() => client.finish(Buffer.from(RFC.serverFinal))).toThrow(AuthFailure);
    await client.step(Buffer.from(RFC.serverFirst));
    await expect(client.step(Buffer.from(RFC.serverFirst))).rejects.toThrow(AuthFailure);
  });

  test("carries names with commas, equal signs and other scripts", async () => {
    const name = "a=b,c=2C ⓷ 한";
    const seen: string[] = [];
    const users = (asked: string) => {
      seen.push(asked);
      return Promise.resolve(secret);
    };
    const server = scramAuth(users).start(context);
    const client = scramCredentials(name, RFC.password).start();
    const challenge = await say(server, Buffer.from(client.first()).toString());
    const answer = await client.step(Buffer.from(challenge));
    const last = await say(server, Buffer.from(answer).toString());
    expect(() => client.finish(Buffer.from(last))).not.toThrow();
    expect(seen).toEqual([name.normalize("NFKC")]);
  });
});

describe("the stored form of a password", () => {
  test("is read back, and two of the same password differ", async () => {
    const [one, other] = await Promise.all([makeScramSecret("x"), makeScramSecret("x")]);
    expect(one).not.toBe(other);
    expect(parse(one).iterations).toBe(15_000);
    expect(parse(one).salt).toHaveLength(16);
  });

  test.each(["", "\u0000", "a\u0007"])("is refused for the password %j", async (password) => {
    await expect(makeScramSecret(password)).rejects.toThrow(RangeError);
  });

  test("is refused for too few iterations", async () => {
    await expect(makeScramSecret("x", { iterations: 1000 })).rejects.toThrow(RangeError);
  });

  test.each([
    "",
    "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
    "SCRAM-SHA-256$1:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
  ])("is not %j", (text) => {
    expect(parseScramSecret(text)).toBeNull();
  });
});
