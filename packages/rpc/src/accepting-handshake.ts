import { Handshake, rejectedError } from "./handshake.ts";
import { encodeChallenge, readAuthStep } from "./auth-step-frame.ts";
import { encodeAcceptance, readFirstFrame, readRefusalFrame } from "./handshake-frame.ts";
import { Kind } from "./frame.ts";
import { RpcError } from "./errors.ts";
import { Status } from "./status.ts";
import type { ServerAuth } from "./auth/server-auth.ts";
import type { AuthIdentity, ServerExchange, ServerStep } from "./auth/mechanism.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { HandshakeDeps } from "./handshake.ts";
import type { AuthMessage } from "./handshake-frame.ts";
import type { PeerInfo } from "./peer.ts";

/** What a peer is told whatever was wrong, so that it learns nothing about users. */
const FAILED = "the authentication failed";

export interface AcceptingDeps extends HandshakeDeps {
  /** Null lets everybody in. */
  readonly auth: ServerAuth | null;
}

/** The handshake of the side that was connected to. */
export class AcceptingHandshake extends Handshake {
  readonly #auth: ServerAuth | null;
  #helloSeq = 0;
  #peer: PeerInfo | null = null;
  #mechanism = "";
  #exchange: ServerExchange | null = null;
  #challengeSeq = 0;

  constructor(deps: AcceptingDeps) {
    super(deps);
    this.#auth = deps.auth;
  }

  protected override onFrame(frame: Buffer): void {
    if (this.#exchange === null) {
      this.#onHello(frame);
    } else {
      this.#onAnswer(frame, this.#exchange);
    }
  }

  #onHello(frame: Buffer): void {
    const first = readFirstFrame(frame, Kind.request, this.address);
    switch (first.kind) {
      case "refusal":
        this.fail(first.error);
        return;
      case "violation":
        this.violate(first.seq, first.refusal);
        return;
      case "hello":
        this.#helloSeq = first.seq;
        this.#peer = first.peer;
    }
    if (this.#auth === null) {
      this.#accept(first.peer, null);
    } else {
      this.#authenticate(this.#auth, first.auth);
    }
  }

  #authenticate(auth: ServerAuth, message: AuthMessage | null): void {
    const waitMs = auth.limit.waitMs(this.#host, performance.now());
    if (waitMs > 0) {
      this.#refuseForNow(waitMs);
      return;
    }
    const mechanism = auth.find(message?.mechanism ?? "");
    if (mechanism === null) {
      const asked = message === null ? "no credentials" : "a mechanism that is not offered";
      this.refuseUnauthenticated(this.#helloSeq, asked, `this server takes ${auth.names}`);
      return;
    }
    this.#mechanism = mechanism.name;
    this.#exchange = mechanism.start({ socket: this.deps.socket });
    this.#step(this.#exchange, message?.data ?? Buffer.alloc(0));
  }

  #onAnswer(frame: Buffer, exchange: ServerExchange): void {
    const refusal = readRefusalFrame(frame);
    if (refusal !== null) {
      this.fail(refusal);
      return;
    }
    const answer = readAuthStep(frame, Kind.response);
    if (answer === null || answer.seq !== this.#challengeSeq) {
      const code: ConnectionRefusalCode = "DT_RPC_FIRST_FRAME";
      const message = "something else than the answer to the challenge";
      this.violate(this.#helloSeq, { status: Status.invalid, code, message });
      return;
    }
    // Others of the same address may have failed since the challenge was sent.
    const waitMs = this.#auth?.limit.waitMs(this.#host, performance.now()) ?? 0;
    if (waitMs > 0) {
      this.#refuseForNow(waitMs);
      return;
    }
    this.#step(exchange, answer.data);
  }

  #step(exchange: ServerExchange, data: Buffer): void {
    let step: ServerStep | Promise<ServerStep>;
    try {
      step = exchange.step(data);
    } catch (error) {
      this.#onRejected(String(error));
      return;
    }
    this.settle(
      step,
      (result) => this.#onStep(result),
      (error) => this.#onRejected(String(error)),
    );
  }

  #onStep(step: ServerStep): void {
    const peer = this.#peer;
    if (step.kind === "challenge") {
      this.#challengeSeq++;
      this.deps.socket.write(encodeChallenge(this.#challengeSeq, step.data));
    } else if (step.kind === "accept" && peer !== null) {
      this.#accept({ ...peer, identity: frozen(step.identity) }, step.data);
    } else if (step.kind === "reject") {
      this.#onRejected(step.reason);
    }
  }

  #onRejected(reason: string): void {
    this.#auth?.limit.failed(this.#host, performance.now());
    this.refuseUnauthenticated(this.#helloSeq, reason, FAILED);
  }

  #refuseForNow(waitMs: number): void {
    const code: ConnectionRefusalCode = "DT_RPC_LOGIN_LIMIT";
    const message = `too many failed logins from this address, wait ${Math.ceil(waitMs)} ms`;
    const error = new RpcError({ code: "DT_RPC_REJECTED", reason: code, fact: this.#host });
    this.refuse(this.#helloSeq, { status: Status.flowControl, code, message }, error);
  }

  #accept(peer: PeerInfo, lastMessage: Uint8Array | null): void {
    const { socket, options, onHandshake } = this.deps;
    const refusal = onHandshake(peer);
    if (refusal !== null) {
      this.refuse(this.#helloSeq, refusal, rejectedError(refusal));
      return;
    }
    const auth =
      lastMessage === null ? null : { mechanism: this.#mechanism, data: Buffer.from(lastMessage) };
    socket.write(encodeAcceptance(this.#helloSeq, options.identity, options, auth));
    this.done(peer);
  }

  get #host(): string {
    return this.deps.socket.remoteAddress ?? "unix";
  }
}

function frozen({ kind, name }: AuthIdentity): AuthIdentity {
  return Object.freeze({ kind, name });
}
