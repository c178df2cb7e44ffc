import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { saslPrep } from "./sasl-prep.ts";
import { KEY_BYTES, sign, storedKeyOf, xor } from "./scram-keys.ts";
import {
  MAX_MESSAGE_BYTES,
  formatServerFirst,
  parseClientFinal,
  parseClientFirst,
} from "./scram-message.ts";
import { DEFAULT_ITERATIONS } from "./scram-secret.ts";
import type { ServerExchange, ServerMechanism, ServerStep } from "./mechanism.ts";
import type { ClientFirst } from "./scram-message.ts";
import type { ScramSecret } from "./scram-secret.ts";

export const SCRAM_MECHANISM = "SCRAM-SHA-256";

const NONCE_BYTES = 18;
const SALT_BYTES = 16;

/** Finds the secret of a user, by the name in its SASLprep form; null when there is no such user. */
export type ScramUsers = (name: string) => ScramSecret | null | Promise<ScramSecret | null>;

export interface ScramAuthOptions {
  /**
   * Makes up the salts that unknown users are shown. Servers of one cluster that share it, and keep it
   * over restarts, show the same one each time, as for users that exist. Default: random per mechanism.
   */
  readonly decoyKey?: Buffer;
  /** The iteration count that unknown users are shown: the one most users have. Default 15 000. */
  readonly decoyIterations?: number;
  /** Bytes of a nonce, for test vectors. */
  readonly random?: () => string;
}

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding: the password never travels, and what
 * does is of no use a second time. An unknown user costs what a wrong password costs.
 */
export function scramAuth(users: ScramUsers, options: ScramAuthOptions = {}): ServerMechanism {
  const decoys = new Decoys(
    options.decoyKey ?? randomBytes(KEY_BYTES),
    options.decoyIterations ?? DEFAULT_ITERATIONS,
  );
  const random = options.random ?? (() => randomBytes(NONCE_BYTES).toString("base64"));
  return { name: SCRAM_MECHANISM, start: () => new ScramServerExchange(users, decoys, random) };
}

/** Stands in for the secrets of users that do not exist; no password fits it. */
class Decoys {
  readonly #key: Buffer;
  readonly #iterations: number;

  constructor(key: Buffer, iterations: number) {
    this.#key = key;
    this.#iterations = iterations;
  }

  of(name: string): ScramSecret {
    const salt = createHmac("sha256", this.#key).update(name).digest().subarray(0, SALT_BYTES);
    const storedKey = randomBytes(KEY_BYTES);
    return { iterations: this.#iterations, salt, storedKey, serverKey: storedKey };
  }
}

/** What is known after the client's first message. */
interface Challenged {
  readonly first: ClientFirst;
  readonly name: string;
  readonly nonce: string;
  readonly serverFirst: string;
  readonly secret: ScramSecret;
}

class ScramServerExchange implements ServerExchange {
  readonly #users: ScramUsers;
  readonly #decoys: Decoys;
  readonly #random: () => string;
  #challenged: Challenged | null = null;
  #isOver = false;

  constructor(users: ScramUsers, decoys: Decoys, random: () => string) {
    this.#users = users;
    this.#decoys = decoys;
    this.#random = random;
  }

  step(data: Buffer): ServerStep | Promise<ServerStep> {
    if (this.#isOver || data.length > MAX_MESSAGE_BYTES) {
      return reject("a message that is too long or too late");
    }
    const text = data.toString("utf8");
    return this.#challenged === null ? this.#first(text) : this.#final(text, this.#challenged);
  }

  #first(text: string): ServerStep | Promise<ServerStep> {
    const first = parseClientFirst(text);
    const name = first === null ? null : saslPrep(first.name);
    if (first === null || name === null) {
      return reject("a malformed first message");
    }
    const found = this.#users(name);
    return found instanceof Promise
      ? found.then((secret) => this.#challenge(first, name, secret))
      : this.#challenge(first, name, found);
  }

  #challenge(first: ClientFirst, name: string, found: ScramSecret | null): ServerStep {
    const decoy = this.#decoys.of(name);
    const secret = found ?? decoy;
    const nonce = first.nonce + this.#random();
    const { salt, iterations } = secret;
    const serverFirst = formatServerFirst({ nonce, salt, iterations });
    this.#challenged = { first, name, nonce, serverFirst, secret };
    return { kind: "challenge", data: Buffer.from(serverFirst) };
  }

  #final(text: string, challenged: Challenged): ServerStep {
    this.#isOver = true;
    const { first, name, nonce, serverFirst, secret } = challenged;
    const final = parseClientFinal(text);
    if (
      final === null ||
      final.nonce !== nonce ||
      final.binding.toString("utf8") !== first.gs2Header ||
      final.proof.length !== KEY_BYTES
    ) {
      return reject("a malformed last message, or one of another conversation");
    }
    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
    const clientKey = xor(final.proof, sign(secret.storedKey, authMessage));
    const signature = sign(secret.serverKey, authMessage);
    if (!timingSafeEqual(storedKeyOf(clientKey), secret.storedKey)) {
      return reject(`wrong password of "${name}", or no such user`);
    }
    const data = Buffer.from(`v=${signature.toString("base64")}`);
    return { kind: "accept", identity: { kind: "scram", name }, data };
  }
}

function reject(reason: string): ServerStep {
  return { kind: "reject", reason };
}
