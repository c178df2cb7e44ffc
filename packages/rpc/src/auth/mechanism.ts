import type { Socket } from "node:net";

/** Who the other side of a connection has proved to be. */
export interface AuthIdentity {
  /** "anonymous", "token", "scram" or "mtls"; a mechanism of one's own may have another. */
  readonly kind: string;
  /** Empty for "anonymous". */
  readonly name: string;
}

export const ANONYMOUS: AuthIdentity = Object.freeze({ kind: "anonymous", name: "" });

/** What a mechanism may know about the connection it authenticates. */
export interface AuthContext {
  /** A net.Socket, or a tls.TLSSocket whose handshake is through. */
  readonly socket: Socket;
}

/** What the accepting side does with a message of the peer. */
export type ServerStep =
  /** The peer has to answer this. */
  | { readonly kind: "challenge"; readonly data: Uint8Array }
  /** The peer is who it says. `data` is the last message to it, by which this side may prove itself. */
  | { readonly kind: "accept"; readonly identity: AuthIdentity; readonly data: Uint8Array }
  /** `reason` goes to the log of this side only: the peer is told no more than that it failed. */
  | { readonly kind: "reject"; readonly reason: string };

/** One authentication on the accepting side. */
export interface ServerExchange {
  /**
   * Takes a message of the peer, which is valid during the call only. What it throws or rejects with
   * counts as a rejection.
   */
  step(data: Buffer): ServerStep | Promise<ServerStep>;
}

/** How a server can authenticate its clients. */
export interface ServerMechanism {
  /** On the wire: a SASL name of 1 to 20 capitals, digits, dashes and underscores. */
  readonly name: string;
  start(context: AuthContext): ServerExchange;
}

/** One authentication on the connecting side. */
export interface ClientExchange {
  /** The message that goes with the first frame. */
  first(): Uint8Array;
  /** Answers a challenge, which is valid during the call only. Throws an AuthFailure to give up. */
  step(challenge: Buffer): Uint8Array | Promise<Uint8Array>;
  /** Takes the last message of the server. Throws an AuthFailure when it proves nothing. */
  finish(data: Buffer): void;
}

/** How a client proves who it is. A client that has credentials talks to no server that skips them. */
export interface ClientCredentials {
  /** On the wire, as the server's mechanism. */
  readonly name: string;
  /** Whoever reads the bytes on the wire could use them: they are for TLS and unix sockets only. */
  readonly isReplayable: boolean;
  start(): ClientExchange;
}

/** Thrown by an exchange that gives up. `reason` is short and stable, for people and logs. */
export class AuthFailure extends Error {
  override readonly name = "AuthFailure" as const;
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}
