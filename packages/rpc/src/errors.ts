import { Status, statusName } from "./status.ts";
import type { AnswerCode } from "./answer-code.ts";

/** What went wrong, with its facts. The README lists each code with what to do about it. */
export type RpcFault =
  | {
      readonly code: "DT_RPC_REMOTE";
      readonly status: Status;
      readonly remoteCode: string | null;
      readonly remoteMessage: string;
      readonly detail: Buffer | null;
    }
  | { readonly code: "DT_RPC_TIMEOUT"; readonly timeoutMs: number; readonly wasSent: boolean }
  | { readonly code: "DT_RPC_CONNECTION_LOST"; readonly wasSent: boolean }
  | { readonly code: "DT_RPC_CLOSED"; readonly wasSent: boolean }
  | { readonly code: "DT_RPC_STOPPING" }
  | { readonly code: "DT_RPC_CANCELLED"; readonly wasSent: boolean }
  | { readonly code: "DT_RPC_NO_STREAMS" }
  | { readonly code: "DT_RPC_STREAM"; readonly violation: AnswerCode; readonly fact: string }
  | { readonly code: "DT_RPC_SERVICE"; readonly problems: readonly string[] }
  | { readonly code: "DT_RPC_NO_GROUPS"; readonly groupId: number }
  | { readonly code: "DT_RPC_NOT_CONNECTED"; readonly address: string }
  | { readonly code: "DT_RPC_FLOW_CONTROL"; readonly waitingCalls: number; readonly limit: number }
  | {
      readonly code: "DT_RPC_TOO_LARGE";
      readonly frameBytes: number;
      readonly maxFrameBytes: number;
    }
  | { readonly code: "DT_RPC_ENCODE" }
  | { readonly code: "DT_RPC_BAD_REPLY" }
  | { readonly code: "DT_RPC_CONNECT"; readonly address: string; readonly errno: string }
  | {
      readonly code: "DT_RPC_CONNECT_TIMEOUT";
      readonly address: string;
      readonly timeoutMs: number;
    }
  | { readonly code: "DT_RPC_LISTEN"; readonly address: string; readonly errno: string }
  | { readonly code: "DT_RPC_SOCKET"; readonly errno: string }
  | { readonly code: "DT_RPC_HANDSHAKE_TIMEOUT"; readonly timeoutMs: number }
  | {
      readonly code: "DT_RPC_REFUSED";
      readonly status: Status;
      readonly remoteCode: string | null;
      readonly remoteMessage: string;
    }
  | { readonly code: "DT_RPC_RECORDING"; readonly problem: string }
  | { readonly code: "DT_RPC_REJECTED"; readonly reason: string; readonly fact: string }
  | { readonly code: "DT_RPC_PROTOCOL"; readonly violation: string; readonly fact: string }
  | { readonly code: "DT_RPC_LISTENER" }
  | { readonly code: "DT_RPC_PEER_SILENT"; readonly silentMs: number }
  | {
      readonly code: "DT_RPC_SLOW_PEER";
      readonly bufferedBytes: number;
      readonly limitBytes: number;
      /** How long it has read nothing at all; 0 when it was too many bytes. */
      readonly stuckMs: number;
    }
  | { readonly code: "DT_RPC_UNAUTHENTICATED"; readonly address: string; readonly reason: string }
  | {
      readonly code: "DT_RPC_TLS";
      readonly address: string;
      /** The code of TLS or of the certificate check, such as CERT_HAS_EXPIRED. */
      readonly reason: string;
    }
  | { readonly code: "DT_RPC_OPTIONS"; readonly problems: readonly string[] };

/**
 * Thrown, or handed to a call's completion. Match on `code`; on `status` and `remoteCode` for
 * DT_RPC_REMOTE.
 */
export class RpcError extends Error {
  override readonly name = "RpcError" as const;
  readonly code: RpcFault["code"];
  readonly fault: RpcFault;
  /** The status the peer answered with, null when the failure is local. */
  readonly status: Status | null;
  /** Whether the peer may have acted on the request. False is a promise, true is not. */
  readonly mayHaveExecuted: boolean;
  /** The string code of the peer's answer. */
  readonly remoteCode: string | null;
  /** The typed detail of the peer's answer: a copy, free to keep. */
  readonly detail: Buffer | null;

  constructor(fault: RpcFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
    this.status =
      fault.code === "DT_RPC_REMOTE" || fault.code === "DT_RPC_REFUSED" ? fault.status : null;
    this.mayHaveExecuted = mayHaveExecuted(fault);
    this.remoteCode =
      fault.code === "DT_RPC_REMOTE" || fault.code === "DT_RPC_REFUSED" ? fault.remoteCode : null;
    this.detail = fault.code === "DT_RPC_REMOTE" ? fault.detail : null;
  }
}

/**
 * An error of a frame or a timer. There is no caller on the stack then, so none is captured, which
 * is most of what an error costs.
 */
export function withoutStack(fault: RpcFault, options?: ErrorOptions): RpcError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new RpcError(fault, options);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function mayHaveExecuted(fault: RpcFault): boolean {
  const { code } = fault;
  if (
    code === "DT_RPC_TIMEOUT" ||
    code === "DT_RPC_CANCELLED" ||
    code === "DT_RPC_CONNECTION_LOST" ||
    code === "DT_RPC_CLOSED"
  ) {
    return fault.wasSent;
  }
  if (code === "DT_RPC_REMOTE") {
    return remoteMayHaveExecuted(fault.status, fault.remoteCode);
  }
  return code === "DT_RPC_BAD_REPLY" || code === "DT_RPC_STREAM";
}

/** Refusals of a stream that was under way. */
const ENDS_OF_STREAMS: ReadonlySet<string> = new Set<AnswerCode>([
  "DT_RPC_STREAM_CREDIT",
  "DT_RPC_STREAM_DUPLICATE",
  "DT_RPC_STREAM_MESSAGE",
  "DT_RPC_STREAM_STATE",
  "DT_RPC_UNKNOWN_STREAM",
]);

function remoteMayHaveExecuted(status: Status, remoteCode: string | null): boolean {
  if (status === Status.tooLarge || status === Status.flowControl) {
    // With these codes the handler has run and only its reply did not fit.
    return remoteCode === "DT_RPC_REPLY_TOO_LARGE" || remoteCode === "DT_RPC_REPLY_DROPPED";
  }
  return (
    status === Status.timeout ||
    status === Status.internal ||
    (remoteCode !== null && ENDS_OF_STREAMS.has(remoteCode))
  );
}

function describe(fault: RpcFault): string {
  switch (fault.code) {
    case "DT_RPC_REMOTE":
      return `${statusName(fault.status)} ${fault.remoteCode ?? ""}: ${fault.remoteMessage}`;
    case "DT_RPC_TIMEOUT":
      return `no answer within ${fault.timeoutMs} ms, the request was ${fault.wasSent ? "" : "not "}sent`;
    case "DT_RPC_CONNECTION_LOST":
      return `the connection broke, the request was ${fault.wasSent ? "" : "not "}sent`;
    case "DT_RPC_CLOSED":
      return `the connection was closed here, the request was ${fault.wasSent ? "" : "not "}sent`;
    case "DT_RPC_STOPPING":
      return "the peer is stopping and takes no new requests";
    case "DT_RPC_NOT_CONNECTED":
      return `no connection to ${fault.address}`;
    case "DT_RPC_CANCELLED":
      return `cancelled by the caller, the request was ${fault.wasSent ? "" : "not "}sent`;
    case "DT_RPC_NO_STREAMS":
      return "the peer knows no streams";
    case "DT_RPC_STREAM":
      return `${fault.violation}: ${fault.fact}`;
    case "DT_RPC_NO_GROUPS":
      return `the peer knows no groups, so nothing can be sent to group ${fault.groupId}`;
    case "DT_RPC_FLOW_CONTROL":
      return `${fault.waitingCalls} calls wait already, the limit is ${fault.limit}`;
    case "DT_RPC_TOO_LARGE":
      return `a frame of ${fault.frameBytes} bytes, the peer takes at most ${fault.maxFrameBytes}`;
    case "DT_RPC_ENCODE":
      return "the argument could not be encoded";
    case "DT_RPC_BAD_REPLY":
      return "the reply could not be decoded";
    case "DT_RPC_CONNECT":
      return `cannot connect to ${fault.address}: ${fault.errno}`;
    case "DT_RPC_CONNECT_TIMEOUT":
      return `no connection to ${fault.address} within ${fault.timeoutMs} ms`;
    case "DT_RPC_LISTEN":
      return `cannot listen on ${fault.address}: ${fault.errno}`;
    case "DT_RPC_SOCKET":
      return `the socket failed: ${fault.errno}`;
    case "DT_RPC_HANDSHAKE_TIMEOUT":
      return `no handshake within ${fault.timeoutMs} ms`;
    case "DT_RPC_REFUSED":
      return `refused, ${statusName(fault.status)} ${fault.remoteCode ?? ""}: ${fault.remoteMessage}`;
    case "DT_RPC_RECORDING":
      return `the recording cannot be used: ${fault.problem}`;
    case "DT_RPC_REJECTED":
      return `this side turned the peer down, ${fault.reason}: ${fault.fact}`;
    case "DT_RPC_PROTOCOL":
      return `${fault.violation}: ${fault.fact}`;
    case "DT_RPC_LISTENER":
      return "a listener of this process has thrown";
    case "DT_RPC_PEER_SILENT":
      return `nothing was received for ${fault.silentMs} ms`;
    case "DT_RPC_SLOW_PEER":
      return fault.stuckMs > 0
        ? `the peer has read nothing for ${fault.stuckMs} ms, ${fault.bufferedBytes} bytes wait`
        : `${fault.bufferedBytes} bytes wait to be read by the peer, the limit is ${fault.limitBytes}`;
    case "DT_RPC_UNAUTHENTICATED":
      return `${fault.address} has not proved who it is: ${fault.reason}`;
    case "DT_RPC_TLS":
      return `no TLS connection with ${fault.address}: ${fault.reason}`;
    case "DT_RPC_OPTIONS":
    case "DT_RPC_SERVICE":
      return fault.problems.join("; ");
  }
}
