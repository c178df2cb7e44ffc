import { AuthFailure } from "./auth/mechanism.ts";
import { Handshake, rejectedError } from "./handshake.ts";
import { encodeAnswer, readAuthStep } from "./auth-step-frame.ts";
import { encodeOffer, readFirstFrame } from "./handshake-frame.ts";
import { Kind } from "./frame.ts";
import type { ClientCredentials, ClientExchange } from "./auth/mechanism.ts";
import type { HandshakeDeps } from "./handshake.ts";
import type { AuthMessage } from "./handshake-frame.ts";

export interface OfferingDeps extends HandshakeDeps {
  /** Null for a client that needs not be known. */
  readonly credentials: ClientCredentials | null;
}

/** The handshake of the side that connected: it speaks first. */
export class OfferingHandshake extends Handshake {
  readonly #credentials: ClientCredentials | null;
  readonly #exchange: ClientExchange | null;

  constructor(deps: OfferingDeps) {
    super(deps);
    this.#credentials = deps.credentials;
    this.#exchange = deps.credentials?.start() ?? null;
    const { socket, options } = deps;
    const auth =
      this.#credentials === null || this.#exchange === null
        ? null
        : { mechanism: this.#credentials.name, data: Buffer.from(this.#exchange.first()) };
    socket.write(encodeOffer(options.identity, options, auth));
  }

  protected override onFrame(frame: Buffer): void {
    const exchange = this.#exchange;
    const challenge = exchange === null ? null : readAuthStep(frame, Kind.request);
    if (exchange === null || challenge === null) {
      this.#onAnswer(frame);
      return;
    }
    const { seq, data } = challenge;
    let step: Uint8Array | Promise<Uint8Array>;
    try {
      step = exchange.step(data);
    } catch (error) {
      this.#distrust(error);
      return;
    }
    this.settle(
      step,
      (answer) => void this.deps.socket.write(encodeAnswer(seq, answer)),
      (error) => this.#distrust(error),
    );
  }

  #onAnswer(frame: Buffer): void {
    const first = readFirstFrame(frame, Kind.response, this.address);
    if (first.kind === "refusal") {
      this.fail(first.error);
      return;
    }
    if (first.kind === "violation") {
      this.violate(first.seq, first.refusal);
      return;
    }
    const { peer, auth } = first;
    try {
      this.#checkServer(auth);
    } catch (error) {
      this.#distrust(error);
      return;
    }
    const refusal = this.deps.onHandshake(peer);
    if (refusal === null) {
      this.done(peer);
    } else {
      this.refuse(0, refusal, rejectedError(refusal));
    }
  }

  /** A client that has credentials insists on their use, and on the proof that comes back. */
  #checkServer(auth: AuthMessage | null): void {
    if (this.#credentials === null || this.#exchange === null) {
      return;
    }
    if (auth === null || auth.mechanism !== this.#credentials.name) {
      throw new AuthFailure("the server has skipped the authentication");
    }
    this.#exchange.finish(auth.data);
  }

  #distrust(error: unknown): void {
    const reason = error instanceof AuthFailure ? error.reason : String(error);
    this.refuseUnauthenticated(0, reason, reason);
  }
}
