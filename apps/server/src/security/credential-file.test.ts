import { makeScramSecret, tokenDigest } from "@dt/rpc";
import { expect, it } from "vitest";
import { parseTokens, parseUsers } from "./credential-file.ts";
import { mayUse } from "./permission.ts";

it("reads users and says which lines are wrong, without quoting them", async () => {
  const secret = await makeScramSecret("x", { iterations: 4096 });
  const problems: string[] = [];
  const text = `# users\n\nalice ${secret}\r\nbob password\nalice ${secret}\nalone\n`;
  const users = parseUsers(text, problems);
  expect([...users.keys()]).toEqual(["alice"]);
  expect(users.get("alice")?.iterations).toBe(4096);
  expect(problems).toEqual([
    "line 6: not a name and a value",
    "line 4: not a secret as dt auth secret prints it",
    "line 5: alice is there twice",
  ]);
});

it("reads tokens, several of one name", () => {
  const problems: string[] = [];
  const [one, other] = [tokenDigest("1"), tokenDigest("2")];
  expect(parseTokens(`ci ${one}\nci ${other}\nx short\n`, problems)).toEqual([
    { name: "ci", sha256: one },
    { name: "ci", sha256: other },
  ]);
  expect(problems).toEqual(["line 3: not the SHA-256 of a token as 64 hexadecimal digits"]);
});

it.each([
  [32, true, true, true],
  [30, true, true, true],
  [16, false, false, true],
  [29, false, false, true],
  [31, false, false, true],
  [64, false, false, true],
  [65, false, false, true],
  [66, true, true, true],
  [67, true, true, true],
  [68, false, false, true],
  [95, false, false, true],
  [96, true, true, true],
])("lets into command %i: anonymous %s, alice %s, root %s", (command, anonymous, alice, root) => {
  const trusted = new Set(["scram:root"]);
  expect(mayUse({ kind: "anonymous", name: "" }, command, trusted)).toBe(anonymous);
  expect(mayUse({ kind: "scram", name: "alice" }, command, trusted)).toBe(alice);
  expect(mayUse({ kind: "scram", name: "root" }, command, trusted)).toBe(root);
  expect(mayUse({ kind: "token", name: "root" }, command, trusted)).toBe(alice);
  expect(mayUse({ kind: "scram", name: "alice" }, command, null)).toBe(true);
  expect(mayUse({ kind: "anonymous", name: "" }, command, null)).toBe(anonymous);
});
