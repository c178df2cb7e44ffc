import { parseScramSecret } from "@dt/rpc";
import type { ScramSecret, TokenEntry } from "@dt/rpc";

/** One line of such a file: a name, white space, a value. */
interface Line {
  readonly number: number;
  readonly name: string;
  readonly value: string;
}

const LINE = /^(?<name>\S+)\s+(?<value>\S+)$/u;
const DIGEST = /^[0-9a-f]{64}$/u;

/** Reads `name SCRAM-SHA-256$...` lines; what is wrong goes to `problems`. */
export function parseUsers(text: string, problems: string[]): ReadonlyMap<string, ScramSecret> {
  const users = new Map<string, ScramSecret>();
  for (const { number, name, value } of parseLines(text, problems)) {
    const secret = parseScramSecret(value);
    if (secret === null) {
      problems.push(`line ${number}: not a secret as dt auth secret prints it`);
    } else if (users.has(name)) {
      problems.push(`line ${number}: ${name} is there twice`);
    } else {
      users.set(name, secret);
    }
  }
  return users;
}

/** Reads `name digest` lines; what is wrong goes to `problems`. A name may have several tokens. */
export function parseTokens(text: string, problems: string[]): readonly TokenEntry[] {
  const tokens: TokenEntry[] = [];
  for (const { number, name, value } of parseLines(text, problems)) {
    if (DIGEST.test(value)) {
      tokens.push({ name, sha256: value });
    } else {
      problems.push(`line ${number}: not the SHA-256 of a token as 64 hexadecimal digits`);
    }
  }
  return tokens;
}

/** Empty lines and those that begin with # say nothing. Messages quote no line: it may hold a secret. */
function parseLines(text: string, problems: string[]): Line[] {
  return text.split("\n").flatMap((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) {
      return [];
    }
    const groups = LINE.exec(line)?.groups;
    const number = index + 1;
    if (groups === undefined) {
      problems.push(`line ${number}: not a name and a value`);
      return [];
    }
    return [{ number, name: groups["name"] ?? "", value: groups["value"] ?? "" }];
  });
}
