import type { AuthIdentity } from "./auth/mechanism.ts";
import type { Status } from "./status.ts";

/** What one side of a connection is ready to receive. */
export interface PeerLimits {
  /** Largest value of a frame's length field. */
  readonly maxFrameBytes: number;
  readonly maxInFlightRequests: number;
  readonly maxInFlightBytes: number;
}

/** What a process says about itself in the handshake. */
export interface Identity {
  /** 32 hexadecimal digits, new for each start of a process. */
  readonly processId: string;
  /** 0 for a process that is no node of a cluster. */
  readonly nodeId: number;
  /** Empty for a process that belongs to no cluster. */
  readonly clusterId: string;
  /** Free text, such as "node" or "client". */
  readonly role: string;
  readonly capabilities: readonly string[];
}

/**
 * The other side of a connection, as the handshake has told. Only `identity` is proved; the rest is what
 * the peer says of itself.
 */
export interface PeerInfo extends Identity {
  readonly limits: PeerLimits;
  /** The minor version that both sides speak: the lower of the two. */
  readonly protocolMinor: number;
  /** "host:port", or "unix" for a unix socket. */
  readonly address: string;
  /** Of a client, by the server's `auth`. Servers are known by their certificate, not by this. */
  readonly identity: AuthIdentity;
}

/** Why a handshake is turned down. The peer gets all three. */
export interface Refusal {
  readonly status: Status;
  readonly code: string;
  readonly message: string;
}
