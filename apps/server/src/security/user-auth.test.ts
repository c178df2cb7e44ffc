import { Socket } from "node:net";
import { makeScramSecret, scramCredentials } from "@dt/rpc";
import { describe, expect, it } from "vitest";
import { parseUsers } from "./credential-file.ts";
import { userAuth } from "./user-auth.ts";

const alice = `alice ${await makeScramSecret("wonderland", { iterations: 4096 })}`;
const bob = `bob ${await makeScramSecret("builder", { iterations: 4096 })}`;
const carol = `carol ${await makeScramSecret("singer", { iterations: 8192 })}`;

/** What a node with this file asks of a client that says it is `user`: salt and iterations. */
async function challengeFor(user: string, lines: readonly string[]): Promise<string> {
  const problems: string[] = [];
  const exchange = userAuth(parseUsers(lines.join("\n"), problems)).start({ socket: new Socket() });
  expect(problems).toEqual([]);
  const step = await exchange.step(Buffer.from(scramCredentials(user, "x").start().first()));
  if (step.kind !== "challenge") {
    throw new Error(`a ${step.kind}`);
  }
  const [, salt = "", iterations = ""] = Buffer.from(step.data).toString().split(",");
  return `${salt} ${iterations}`;
}

describe("a user that does not exist", () => {
  it.each(["alice", "mallory"])(
    "looks the same as %s at every node, at every start",
    async (user) => {
      const file = [alice, bob, carol];
      expect(await challengeFor(user, file)).toBe(await challengeFor(user, file));
      expect(await challengeFor(user, file)).toMatch(/^s=[A-Za-z0-9+/]{22}== i=4096$/u);
    },
  );

  it("looks different from others, and elsewhere", async () => {
    const shown = await challengeFor("mallory", [alice, bob]);
    expect(shown).not.toBe(await challengeFor("mallet", [alice, bob]));
    expect(shown).not.toBe(await challengeFor("mallory", [alice, carol]));
  });

  it("is asked for a password where nobody exists", async () => {
    expect(await challengeFor("mallory", [])).toMatch(/ i=15000$/u);
  });
});
