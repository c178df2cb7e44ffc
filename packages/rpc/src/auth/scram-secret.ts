import { randomBytes } from "node:crypto";
import { saslPrep } from "./sasl-prep.ts";
import { KEY_BYTES, clientKeyOf, saltPassword, serverKeyOf, storedKeyOf } from "./scram-keys.ts";
import { decodeBase64 } from "./scram-message.ts";

/** RFC 7677 section 4. */
export const MIN_ITERATIONS = 4096;
/** A server may make a client work so hard and no harder: about a second. */
export const MAX_ITERATIONS = 1_000_000;
export const DEFAULT_ITERATIONS = 15_000;
const SALT_BYTES = 16;

/** What a server keeps of a password: enough to check it, not enough to use it. */
export interface ScramSecret {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export interface ScramSecretOptions {
  /** 4096 to 1 000 000. Default 15 000. */
  readonly iterations?: number;
  /** Default: 16 random bytes. */
  readonly salt?: Buffer;
}

const PATTERN =
  /^SCRAM-SHA-256\$(?<iterations>\d{4,7}):(?<salt>[^$:]+)\$(?<stored>[^$:]+):(?<server>[^$:]+)$/u;

/**
 * The stored form of a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` with
 * base64 values. Rejects with a RangeError when the password has forbidden characters or is empty.
 */
export async function makeScramSecret(
  password: string,
  options: ScramSecretOptions = {},
): Promise<string> {
  const { iterations = DEFAULT_ITERATIONS, salt = randomBytes(SALT_BYTES) } = options;
  const prepared = saslPrep(password);
  if (prepared === null) {
    throw new RangeError("the password is empty or has control characters");
  }
  if (!isIterationCount(iterations)) {
    throw new RangeError(`iterations: not within ${MIN_ITERATIONS}..${MAX_ITERATIONS}`);
  }
  const salted = await saltPassword(prepared, salt, iterations);
  const stored = storedKeyOf(clientKeyOf(salted)).toString("base64");
  const server = serverKeyOf(salted).toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${server}`;
}

/** Null when the text is not what `makeScramSecret` makes. */
export function parseScramSecret(text: string): ScramSecret | null {
  const groups = PATTERN.exec(text)?.groups;
  if (groups === undefined) {
    return null;
  }
  const iterations = Number(groups["iterations"]);
  const salt = decodeBase64(groups["salt"] ?? "");
  const storedKey = decodeBase64(groups["stored"] ?? "");
  const serverKey = decodeBase64(groups["server"] ?? "");
  if (
    !isIterationCount(iterations) ||
    salt === null ||
    storedKey?.length !== KEY_BYTES ||
    serverKey?.length !== KEY_BYTES
  ) {
    return null;
  }
  return { iterations, salt, storedKey, serverKey };
}

export function isIterationCount(iterations: number): boolean {
  return (
    Number.isInteger(iterations) && iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS
  );
}
