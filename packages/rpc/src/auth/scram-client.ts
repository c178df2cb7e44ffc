import { randomBytes, timingSafeEqual } from "node:crypto";
import { AuthFailure } from "./mechanism.ts";
import { saslPrep } from "./sasl-prep.ts";
import {
  KEY_BYTES,
  clientKeyOf,
  saltPassword,
  serverKeyOf,
  sign,
  storedKeyOf,
  xor,
} from "./scram-keys.ts";
import {
  MAX_MESSAGE_BYTES,
  formatClientFinalBare,
  formatClientFirstBare,
  parseServerFinal,
  parseServerFirst,
} from "./scram-message.ts";
import { isIterationCount } from "./scram-secret.ts";
import { SCRAM_MECHANISM } from "./scram-server.ts";
import type { ClientCredentials, ClientExchange } from "./mechanism.ts";

/** No channel is bound, and none could be. */
const GS2_HEADER = "n,,";
const NONCE_BYTES = 18;

export interface ScramCredentialsOptions {
  /** A nonce, for test vectors. */
  readonly random?: () => string;
}

/**
 * User and password. The server has to prove that it knows the password, too, and must not ask for
 * fewer than 4096 iterations or more than a million. Throws a RangeError for a name or password that
 * is empty or has control characters.
 */
export function scramCredentials(
  user: string,
  password: string,
  options: ScramCredentialsOptions = {},
): ClientCredentials {
  const name = saslPrep(user);
  const prepared = saslPrep(password);
  if (name === null || prepared === null) {
    throw new RangeError("user or password is empty or has control characters");
  }
  const keys = new KeyCache(prepared);
  const random = options.random ?? (() => randomBytes(NONCE_BYTES).toString("base64"));
  return {
    name: SCRAM_MECHANISM,
    isReplayable: false,
    start: () => new ScramClientExchange(name, keys, random()),
  };
}

/** Salting takes milliseconds on purpose: the result is kept for the next connection. */
class KeyCache {
  readonly #password: string;
  #label = "";
  #salted: Buffer = Buffer.alloc(0);

  constructor(password: string) {
    this.#password = password;
  }

  async salted(salt: Buffer, iterations: number): Promise<Buffer> {
    const label = `${iterations}:${salt.toString("base64")}`;
    if (label !== this.#label) {
      const salted = await saltPassword(this.#password, salt, iterations);
      this.#label = label;
      this.#salted = salted;
      return salted;
    }
    return this.#salted;
  }
}

class ScramClientExchange implements ClientExchange {
  readonly #firstBare: string;
  readonly #nonce: string;
  readonly #keys: KeyCache;
  #isChallenged = false;
  /** What the server has to sign the conversation with; null until it can be known. */
  #expected: Buffer | null = null;

  constructor(user: string, keys: KeyCache, nonce: string) {
    this.#keys = keys;
    this.#nonce = nonce;
    this.#firstBare = formatClientFirstBare(user, nonce);
  }

  first(): Uint8Array {
    return Buffer.from(GS2_HEADER + this.#firstBare);
  }

  async step(challenge: Buffer): Promise<Uint8Array> {
    const text = challenge.toString("utf8", 0, MAX_MESSAGE_BYTES);
    const server = parseServerFirst(text);
    if (this.#isChallenged || server === null || challenge.length > MAX_MESSAGE_BYTES) {
      throw new AuthFailure("a malformed challenge, or a second one");
    }
    this.#isChallenged = true;
    if (!server.nonce.startsWith(this.#nonce) || server.nonce.length === this.#nonce.length) {
      throw new AuthFailure("a challenge of another conversation");
    }
    if (!isIterationCount(server.iterations)) {
      throw new AuthFailure(`${server.iterations} iterations`);
    }
    const salted = await this.#keys.salted(server.salt, server.iterations);
    const withoutProof = formatClientFinalBare(GS2_HEADER, server.nonce);
    const authMessage = `${this.#firstBare},${text},${withoutProof}`;
    const clientKey = clientKeyOf(salted);
    const proof = xor(clientKey, sign(storedKeyOf(clientKey), authMessage));
    this.#expected = sign(serverKeyOf(salted), authMessage);
    return Buffer.from(`${withoutProof},p=${proof.toString("base64")}`);
  }

  finish(data: Buffer): void {
    const signature = parseServerFinal(data.toString("utf8"));
    if (
      this.#expected === null ||
      signature?.length !== KEY_BYTES ||
      !timingSafeEqual(signature, this.#expected)
    ) {
      throw new AuthFailure("the server does not know the password");
    }
  }
}
