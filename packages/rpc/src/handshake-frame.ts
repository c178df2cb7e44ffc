import { ByteWriter, CodecError, decodeMessage, encodeMessage } from "@dt/codec";
import { ANONYMOUS } from "./auth/mechanism.ts";
import { RpcError } from "./errors.ts";
import { readErrorExtension, skipExtension, writeErrorExtension } from "./extension.ts";
import {
  COMMAND_AT,
  Command,
  FLAGS_AT,
  FLAG_EXTENSION,
  HEADER_BYTES,
  HEADER_VERSION,
  Kind,
  MIN_FRAME_BYTES,
  REQUEST_BYTE,
  RESPONSE_BYTE,
  SEQ_AT,
  WORD_AT,
  writeHeader,
} from "./frame.ts";
import { Hello } from "./gen/handshake.ts";
import { Status, statusFromWire } from "./status.ts";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { Identity, PeerInfo, PeerLimits, Refusal } from "./peer.ts";

export const PROTOCOL_MAJOR = 1;
export const PROTOCOL_MINOR = 0;

/** "DTRP" */
const MAGIC = 0x4454_5250;
/** The first call of the dialing side; its answer carries the same number. */
const HELLO_SEQ = 1;
const PROCESS_ID_BYTES = 16;
const SMALLEST_FRAME_LIMIT = 1024;

/** A message of an authentication, with the mechanism that it belongs to. */
export interface AuthMessage {
  readonly mechanism: string;
  readonly data: Buffer;
}

/** The first frame of the side that connects. */
export function encodeOffer(
  identity: Identity,
  limits: PeerLimits,
  auth: AuthMessage | null = null,
): Buffer {
  return encodeHello(REQUEST_BYTE, HELLO_SEQ, identity, limits, auth);
}

/** The last frame of the handshake, of the side that was connected to. */
export function encodeAcceptance(
  seq: number,
  identity: Identity,
  limits: PeerLimits,
  auth: AuthMessage | null = null,
): Buffer {
  return encodeHello(RESPONSE_BYTE, seq, identity, limits, auth);
}

function encodeHello(
  kindByte: number,
  seq: number,
  identity: Identity,
  limits: PeerLimits,
  auth: AuthMessage | null,
): Buffer {
  const writer = new ByteWriter();
  writer.ensure(HEADER_BYTES);
  writer.pos = HEADER_BYTES;
  encodeMessage(writer, Hello, {
    magic: MAGIC,
    protocolMajor: PROTOCOL_MAJOR,
    protocolMinor: PROTOCOL_MINOR,
    processId: Buffer.from(identity.processId, "hex"),
    nodeId: identity.nodeId,
    clusterId: identity.clusterId,
    role: identity.role,
    capabilities: [...identity.capabilities],
    limits,
    auth: auth ?? undefined,
  });
  writeHeader(writer.buf, 0, writer.pos, kindByte, 0, Command.handshake, seq, Status.ok, 0);
  return writer.buf.subarray(0, writer.pos);
}

/** What the connecting side gives up with in the middle of a handshake; null for any other frame. */
export function readRefusalFrame(frame: Buffer): RpcError | null {
  const status = statusFromWire(frame.readUInt32BE(WORD_AT));
  const isRefusal =
    frame.readUInt8(0) === RESPONSE_BYTE &&
    frame.readUInt16BE(COMMAND_AT) === Command.handshake &&
    status !== Status.ok;
  return isRefusal ? readRefusal(frame, frame.readUInt8(FLAGS_AT), status) : null;
}

/** An answer that turns down a handshake, or the whole connection when `seq` is 0. */
export function encodeRefusal(seq: number, refusal: Refusal): Buffer {
  const writer = new ByteWriter();
  writer.ensure(HEADER_BYTES);
  writer.pos = HEADER_BYTES;
  writeErrorExtension(writer, refusal.code, null, undefined);
  writer.utf8(refusal.message.toWellFormed());
  const { buf, pos } = writer;
  const command = Command.handshake;
  writeHeader(buf, 0, pos, RESPONSE_BYTE, FLAG_EXTENSION, command, seq, refusal.status, 0);
  return buf.subarray(0, pos);
}

/** What a first frame turned out to be. */
export type FirstFrame =
  | {
      readonly kind: "hello";
      readonly seq: number;
      /** Its identity is still to be proved. */
      readonly peer: PeerInfo;
      readonly auth: AuthMessage | null;
    }
  | { readonly kind: "refusal"; readonly error: RpcError }
  | { readonly kind: "violation"; readonly seq: number; readonly refusal: Refusal };

/**
 * Reads the first frame of a connection, which has at least 12 bytes after its length field. A
 * Hello is expected as `expected`: a request from a side that connected, a response from the other.
 */
export function readFirstFrame(
  frame: Buffer,
  expected: typeof Kind.request | typeof Kind.response,
  address: string,
): FirstFrame {
  const kindByte = frame.readUInt8(0);
  const flags = frame.readUInt8(FLAGS_AT);
  const command = frame.readUInt16BE(COMMAND_AT);
  const seq = frame.readUInt32BE(SEQ_AT);
  const version = kindByte >>> 4;
  if (version !== HEADER_VERSION) {
    const message = `header version ${version}, this side speaks ${HEADER_VERSION}`;
    return violation(seq, Status.notSupported, "DT_RPC_HEADER_VERSION", message);
  }
  if ((kindByte & 15) !== expected || command !== Command.handshake) {
    const message = `the first frame has kind ${kindByte & 15} and command ${command}`;
    return violation(seq, Status.invalid, "DT_RPC_FIRST_FRAME", message);
  }
  if (expected === Kind.response) {
    const status = statusFromWire(frame.readUInt32BE(WORD_AT));
    if (status !== Status.ok) {
      return { kind: "refusal", error: readRefusal(frame, flags, status) };
    }
  }
  if (flags !== 0) {
    return violation(seq, Status.notSupported, "DT_RPC_FIRST_FRAME", `flags ${flags}`);
  }
  return readHello(frame, seq, address);
}

function readHello(frame: Buffer, seq: number, address: string): FirstFrame {
  let hello: Hello;
  try {
    hello = decodeMessage(Hello, frame, MIN_FRAME_BYTES, frame.length);
  } catch (error) {
    return violation(seq, Status.invalid, "DT_RPC_FIRST_FRAME", String(error));
  }
  if (hello.magic !== MAGIC) {
    return violation(seq, Status.invalid, "DT_RPC_MAGIC", "the peer speaks another protocol");
  }
  if (hello.protocolMajor !== PROTOCOL_MAJOR) {
    const message = `protocol ${hello.protocolMajor}, this side speaks ${PROTOCOL_MAJOR}`;
    return violation(seq, Status.notSupported, "DT_RPC_PROTOCOL_VERSION", message);
  }
  const { limits } = hello;
  if (
    hello.processId.length !== PROCESS_ID_BYTES ||
    limits === undefined ||
    limits.maxFrameBytes < SMALLEST_FRAME_LIMIT ||
    limits.maxInFlightRequests < 1 ||
    limits.maxInFlightBytes < 1
  ) {
    return violation(seq, Status.invalid, "DT_RPC_FIRST_FRAME", "process id or limits are missing");
  }
  const peer: PeerInfo = {
    processId: Buffer.from(hello.processId).toString("hex"),
    nodeId: hello.nodeId,
    clusterId: hello.clusterId,
    role: hello.role,
    capabilities: hello.capabilities,
    limits,
    protocolMinor: Math.min(hello.protocolMinor, PROTOCOL_MINOR),
    address,
    identity: ANONYMOUS,
  };
  const auth =
    hello.auth === undefined
      ? null
      : { mechanism: hello.auth.mechanism, data: Buffer.from(hello.auth.data) };
  return { kind: "hello", seq, peer, auth };
}

function readRefusal(frame: Buffer, flags: number, status: Status): RpcError {
  let bodyStart = MIN_FRAME_BYTES;
  let code: string | null = null;
  if (flags === FLAG_EXTENSION) {
    const after = skipExtension(frame, bodyStart, frame.length);
    if (after > 0) {
      code = readCode(frame, bodyStart, after);
      bodyStart = after;
    }
  }
  return new RpcError({
    code: "DT_RPC_REFUSED",
    status,
    remoteCode: code,
    remoteMessage: frame.toString("utf8", bodyStart),
  });
}

/** Null when there is none, or none that is text: the refusal stands all the same. */
function readCode(frame: Buffer, at: number, after: number): string | null {
  try {
    return readErrorExtension(frame, at, after)?.code ?? null;
  } catch (error) {
    if (error instanceof CodecError) {
      return null;
    }
    throw error;
  }
}

function violation(
  seq: number,
  status: Status,
  code: ConnectionRefusalCode,
  message: string,
): FirstFrame {
  return { kind: "violation", seq, refusal: { status, code, message } };
}
