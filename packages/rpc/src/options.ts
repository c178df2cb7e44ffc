import { randomBytes } from "node:crypto";
import { BUILT_IN_CAPABILITIES } from "./capabilities.ts";
import { checkServerAuth } from "./auth/server-auth.ts";
import { COMPRESSION_CAPABILITIES } from "./compression/algorithm.ts";
import { RpcError } from "./errors.ts";
import { clientContext, serverContext } from "./tls/tls-options.ts";
import type { Authorize } from "./auth/authorize.ts";
import type { ClientCredentials } from "./auth/mechanism.ts";
import type { ServerAuthOptions } from "./auth/server-auth.ts";
import type { Identity } from "./peer.ts";
import type { ClientTls, ServerTls } from "./tls/tls-options.ts";

/** Settings of each connection of a server or client. */
export interface ConnectionOptions {
  /** What this process tells its peers. A missing processId is made once per process. */
  identity?: Partial<Identity>;
  /** Largest frame that is received, in bytes; 1 KiB to 1 GiB. Default 16 MiB. */
  maxFrameBytes?: number;
  /**
   * Requests of one peer that are handled at a time; 1 to 2^20. More are answered FLOW_CONTROL,
   * which a peer that keeps to it never sees. It also limits the calls that this side has under
   * way. Default 32 768.
   */
  maxInFlightRequests?: number;
  /**
   * The same for the bytes of these requests; at least 1 KiB. One request may exceed it. Default 64
   * MiB.
   */
  maxInFlightBytes?: number;
  /**
   * Calls that may wait for a permit or for room in the send buffer; more fail with
   * DT_RPC_FLOW_CONTROL. 0 lets every call fail at once that cannot be sent at once. Default 32
   * 768.
   */
  maxWaitingCalls?: number;
  /**
   * Bytes that wait to be read by the peer before calls wait, one-ways are refused and requests of
   * the peer are put aside; at least 1 KiB. One frame may exceed it. Default 16 MiB.
   */
  maxSendBufferBytes?: number;
  /**
   * Bytes that wait to be read by the peer before replies are dropped, their callers getting
   * FLOW_CONTROL; at least maxSendBufferBytes. At the double, and a frame more, the connection is
   * closed. Default 64 MiB.
   */
  maxReplyBacklogBytes?: number;
  /**
   * Streams that a peer may have open here; 0 to 2^20. More are answered FLOW_CONTROL. Default 256.
   */
  maxStreams?: number;
  /**
   * Messages of one stream that the peer may send ahead of what was dealt with; 2 or more. Default
   * 256.
   */
  streamWindowMessages?: number;
  /**
   * The same in bytes; 1 KiB to 1 GiB. A message has at most half of it. What a peer can make this
   * side hold for its streams is this times maxStreams. Default 1 MiB.
   */
  streamWindowBytes?: number;
  /**
   * Bodies of more bytes are sent compressed, to a peer that has it on too; up to 1 GiB. Those over
   * 256 KiB never are. 0 turns compression off for both directions of this side. Default 0.
   */
  compressAboveBytes?: number;
  /** Time for the handshake, in milliseconds; 1 or more. Default 5000. */
  handshakeTimeoutMs?: number;
  /**
   * A peer from which nothing came for so long is asked for a sign of life; 10 or more. Default
   * 5000.
   */
  pingIntervalMs?: number;
  /**
   * A peer from which nothing came for so long is given up; at least twice pingIntervalMs. Default
   * 15 000.
   */
  peerTimeoutMs?: number;
}

/** Where a server listens or a client connects: TCP, or the path of a unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface ServerOptions extends ConnectionOptions {
  /** Connections at a time; more are closed at once. 1 to 2^20. Default 65 536. */
  maxConnections?: number;
  /**
   * Handshakes under way at a time; one more, and the one that has taken longest is given up, so
   * that peers which finish theirs at once get through a flood of such that never do. 1 to 2^20.
   * Default 1024.
   */
  maxHandshakes?: number;
  /** How clients prove who they are. Default: they need not, and are anonymous. */
  auth?: ServerAuthOptions;
  /** Speaks TLS and nothing else. Default: no TLS. */
  tls?: ServerTls;
  /** What a client may do. Default: everything. */
  authorize?: Authorize;
}

export interface ClientOptions extends ConnectionOptions {
  address: Address;
  /** Time for connecting and the handshake together, in milliseconds; 1 or more. Default 5000. */
  connectTimeoutMs?: number;
  /** First pause before connecting again, in milliseconds; 1 or more. Default 50. */
  reconnectMinMs?: number;
  /** The pause doubles up to this many milliseconds; at least reconnectMinMs. Default 5000. */
  reconnectMaxMs?: number;
  /** How this client proves who it is: it talks to no server that does not want to know. */
  auth?: ClientCredentials;
  /** Speaks TLS and nothing else. Default: no TLS. */
  tls?: ClientTls;
}

export type ResolvedConnectionOptions = Readonly<
  Required<Omit<ConnectionOptions, "identity">> & { identity: Identity }
>;
export type ResolvedServerOptions = ResolvedConnectionOptions &
  Readonly<{
    maxConnections: number;
    maxHandshakes: number;
    auth: ServerAuthOptions | null;
    tls: ServerTls | null;
    authorize: Authorize | null;
  }>;
export type ResolvedClientOptions = ResolvedConnectionOptions &
  Readonly<Required<Omit<ClientOptions, keyof ConnectionOptions | "auth" | "tls">>> &
  Readonly<{ auth: ClientCredentials | null; tls: ClientTls | null }>;

const MIB = 1024 * 1024;

const CONNECTION_DEFAULTS = {
  maxFrameBytes: 16 * MIB,
  maxInFlightRequests: 32_768,
  maxInFlightBytes: 64 * MIB,
  maxWaitingCalls: 32_768,
  maxSendBufferBytes: 16 * MIB,
  maxReplyBacklogBytes: 64 * MIB,
  maxStreams: 256,
  streamWindowMessages: 256,
  streamWindowBytes: MIB,
  compressAboveBytes: 0,
  handshakeTimeoutMs: 5000,
  pingIntervalMs: 5000,
  peerTimeoutMs: 15_000,
} as const;

/** Every default, by option. */
export const DEFAULTS = {
  ...CONNECTION_DEFAULTS,
  maxConnections: 65_536,
  maxHandshakes: 1024,
  connectTimeoutMs: 5000,
  reconnectMinMs: 50,
  reconnectMaxMs: 5000,
} as const;

const COUNT_LIMIT = 2 ** 20;
const FRAME_LIMIT = 1024 * MIB;
const BYTES_LIMIT = Number.MAX_SAFE_INTEGER;
const MS_LIMIT = 2 ** 31 - 1;

type NumberKey = keyof typeof DEFAULTS;

/** Smallest and largest value of each option. */
const RANGES: Readonly<Record<NumberKey, readonly [number, number]>> = {
  maxFrameBytes: [1024, FRAME_LIMIT],
  maxInFlightRequests: [1, COUNT_LIMIT],
  maxInFlightBytes: [1024, BYTES_LIMIT],
  maxWaitingCalls: [0, COUNT_LIMIT],
  maxSendBufferBytes: [1024, BYTES_LIMIT],
  maxReplyBacklogBytes: [1024, BYTES_LIMIT],
  maxStreams: [0, COUNT_LIMIT],
  streamWindowMessages: [2, COUNT_LIMIT],
  streamWindowBytes: [1024, FRAME_LIMIT],
  compressAboveBytes: [0, FRAME_LIMIT],
  handshakeTimeoutMs: [1, MS_LIMIT],
  pingIntervalMs: [10, MS_LIMIT],
  peerTimeoutMs: [20, MS_LIMIT],
  maxConnections: [1, COUNT_LIMIT],
  maxHandshakes: [1, COUNT_LIMIT],
  connectTimeoutMs: [1, MS_LIMIT],
  reconnectMinMs: [1, MS_LIMIT],
  reconnectMaxMs: [1, MS_LIMIT],
};

const CONNECTION_KEYS = Object.keys(CONNECTION_DEFAULTS) as (keyof typeof CONNECTION_DEFAULTS)[];
const CLIENT_KEYS = ["connectTimeoutMs", "reconnectMinMs", "reconnectMaxMs"] as const;
const SERVER_KEYS = ["maxConnections", "maxHandshakes"] as const;

const PROCESS_ID = randomBytes(16).toString("hex");
const PROCESS_ID_PATTERN = /^[0-9a-f]{32}$/;

/** Throws DT_RPC_OPTIONS with every problem. */
export function resolveServerOptions(input: ServerOptions): ResolvedServerOptions {
  const problems: string[] = [];
  const numbers = resolveNumbers(input, [...CONNECTION_KEYS, ...SERVER_KEYS], problems);
  const others = ["identity", "auth", "tls", "authorize"];
  refuseUnknown(input, [...CONNECTION_KEYS, ...SERVER_KEYS, ...others], problems);
  const identity = resolveIdentity(input.identity ?? {}, numbers.compressAboveBytes, problems);
  const { auth = null, tls = null, authorize = null } = input;
  if (auth !== null) {
    checkServerAuth(auth, problems);
  }
  if (tls !== null) {
    serverContext(tls, problems);
  }
  throwProblems(problems);
  return Object.freeze({ ...numbers, identity, auth, tls, authorize });
}

/** Throws DT_RPC_OPTIONS with every problem. */
export function resolveClientOptions(input: ClientOptions): ResolvedClientOptions {
  const problems: string[] = [];
  const numbers = resolveNumbers(input, [...CONNECTION_KEYS, ...CLIENT_KEYS], problems);
  const others = ["identity", "address", "auth", "tls"];
  refuseUnknown(input, [...CONNECTION_KEYS, ...CLIENT_KEYS, ...others], problems);
  if (numbers.reconnectMaxMs < numbers.reconnectMinMs) {
    problems.push("reconnectMaxMs: less than reconnectMinMs");
  }
  const identity = resolveIdentity(input.identity ?? {}, numbers.compressAboveBytes, problems);
  const address = resolveAddress(input.address, problems);
  const { auth = null, tls = null } = input;
  if (tls !== null) {
    clientContext(tls, problems);
  }
  if (auth?.isReplayable === true && tls === null && "host" in input.address) {
    problems.push("auth: whoever listens could use these credentials; take tls with them");
  }
  throwProblems(problems);
  return Object.freeze({ ...numbers, identity, address, auth, tls });
}

function resolveNumbers<K extends NumberKey>(
  input: { readonly [P in K]?: unknown },
  keys: readonly K[],
  problems: string[],
): Record<K | keyof typeof CONNECTION_DEFAULTS, number> {
  const numbers: Record<string, number> = {};
  for (const key of keys) {
    const value = input[key] ?? DEFAULTS[key];
    const [min, max] = RANGES[key];
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      problems.push(`${key}: ${String(value)} is not an integer within ${min}..${max}`);
      numbers[key] = DEFAULTS[key];
    } else {
      numbers[key] = value;
    }
  }
  const resolved = numbers as Record<K | keyof typeof CONNECTION_DEFAULTS, number>;
  if (resolved.peerTimeoutMs < 2 * resolved.pingIntervalMs) {
    problems.push("peerTimeoutMs: less than twice pingIntervalMs");
  }
  if (resolved.maxReplyBacklogBytes < resolved.maxSendBufferBytes) {
    problems.push("maxReplyBacklogBytes: less than maxSendBufferBytes");
  }
  return resolved;
}

function refuseUnknown(input: object, known: readonly string[], problems: string[]): void {
  for (const key of Object.keys(input)) {
    if (!known.includes(key)) {
      problems.push(`${key}: unknown option`);
    }
  }
}

function resolveIdentity(
  input: Partial<Identity>,
  compressAboveBytes: number,
  problems: string[],
): Identity {
  refuseUnknown(input, ["processId", "nodeId", "clusterId", "role", "capabilities"], problems);
  const identity: Identity = {
    processId: input.processId ?? PROCESS_ID,
    nodeId: input.nodeId ?? 0,
    clusterId: input.clusterId ?? "",
    role: input.role ?? "",
    capabilities: Object.freeze([
      ...new Set([
        ...BUILT_IN_CAPABILITIES,
        ...(compressAboveBytes > 0 ? COMPRESSION_CAPABILITIES : []),
        ...(input.capabilities ?? []),
      ]),
    ]),
  };
  if (!PROCESS_ID_PATTERN.test(identity.processId)) {
    problems.push("identity.processId: not 32 lower-case hexadecimal digits");
  }
  if (!Number.isSafeInteger(identity.nodeId) || identity.nodeId < 0) {
    problems.push(`identity.nodeId: ${identity.nodeId} is not an integer within 0..2^53-1`);
  }
  return Object.freeze(identity);
}

function resolveAddress(address: Address, problems: string[]): Address {
  if (!isAddress(address)) {
    problems.push("address: neither { host, port } with a port of 1..65535 nor { path }");
  }
  return Object.freeze({ ...address });
}

function isAddress(address: unknown): boolean {
  if (typeof address !== "object" || address === null) {
    return false;
  }
  if ("path" in address) {
    return typeof address.path === "string" && address.path !== "";
  }
  return (
    "host" in address &&
    typeof address.host === "string" &&
    "port" in address &&
    typeof address.port === "number" &&
    Number.isInteger(address.port) &&
    address.port >= 1 &&
    address.port <= 65_535
  );
}

function throwProblems(problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new RpcError({ code: "DT_RPC_OPTIONS", problems });
  }
}

export function describeAddress(address: Address): string {
  return "path" in address ? address.path : `${address.host}:${address.port}`;
}
