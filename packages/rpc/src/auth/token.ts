import { createHash, timingSafeEqual } from "node:crypto";
import type {
  ClientCredentials,
  ClientExchange,
  ServerExchange,
  ServerMechanism,
  ServerStep,
} from "./mechanism.ts";

const MECHANISM = "TOKEN";
const DIGEST_PATTERN = /^[0-9a-f]{64}$/;
const NOTHING = Buffer.alloc(0);

/** A token that a server takes, and whose it is. */
export interface TokenEntry {
  readonly name: string;
  /** The SHA-256 of the token, 64 lower-case hexadecimal digits: see `tokenDigest`. */
  readonly sha256: string;
}

/** The stored form of a token, which has to be random and long (128 bits or more) to be safe in it. */
export function tokenDigest(token: string): string {
  return digestOf(Buffer.from(token)).toString("hex");
}

/**
 * Takes bearer tokens. Every entry is compared, in constant time, whichever fits. Throws a RangeError
 * for an entry without a name or without a digest.
 */
export function tokenAuth(entries: Iterable<TokenEntry>): ServerMechanism {
  const known = Array.from(entries, ({ name, sha256 }) => {
    if (name === "" || !DIGEST_PATTERN.test(sha256)) {
      throw new RangeError(`token "${name}": no name, or no SHA-256 as 64 hexadecimal digits`);
    }
    return { name, digest: Buffer.from(sha256, "hex") };
  });
  const exchange: ServerExchange = {
    step(data): ServerStep {
      const digest = digestOf(data);
      let name: string | null = null;
      for (const entry of known) {
        if (timingSafeEqual(entry.digest, digest)) {
          name = entry.name;
        }
      }
      return name === null
        ? { kind: "reject", reason: "unknown token" }
        : { kind: "accept", identity: { kind: "token", name }, data: NOTHING };
    },
  };
  return { name: MECHANISM, start: () => exchange };
}

export interface TokenCredentialsOptions {
  /** Also over TCP without TLS, where whoever listens has the token. Default false. */
  readonly allowPlaintext?: boolean;
}

export function tokenCredentials(
  token: string,
  options: TokenCredentialsOptions = {},
): ClientCredentials {
  const bytes = Buffer.from(token);
  const exchange: ClientExchange = {
    first: () => bytes,
    step: () => NOTHING,
    finish() {},
  };
  return {
    name: MECHANISM,
    isReplayable: options.allowPlaintext !== true,
    start: () => exchange,
  };
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
