import { readUint64, writeUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { Status } from "@dt/rpc";
import type { CommandTable, Encode, IncomingRequest } from "@dt/rpc";
import { readSessionPrefix, SESSION_PREFIX_BYTES } from "../entry/session-prefix.ts";
import type { SessionCallId } from "../entry/session-prefix.ts";
import type { RaftGroup } from "../node/raft-group.ts";
import { OPEN_SESSION_COMMAND, SESSION_CALL_COMMAND } from "./commands.ts";
import { failRequest } from "./request-failure.ts";

export type { SessionCallId } from "../entry/session-prefix.ts";

/**
 * A call in a session is the call itself with its place in the session before it: 24 bytes as in the entry
 * (entry/session-prefix.ts), u16 command, then the body of that command. Big-endian.
 */
export const SESSION_CALL_BYTES: number = SESSION_PREFIX_BYTES + 2;

/** Commands of raft, of administration and of rpc are no calls of a session. */
const FIRST_SESSION_COMMAND = 32;
const ADMINISTRATION = { from: 64, to: 95 } as const;

/** Adds the commands of sessions to those of a group. */
export function addSessionCommands<R>(table: CommandTable, group: RaftGroup<R>): void {
  table.on(OPEN_SESSION_COMMAND, (request) =>
    group.openSession({
      succeed: (_result, index) => request.reply(encodeSessionId, index),
      fail: (error) => failRequest(request, error),
    }),
  );
  table.on(SESSION_CALL_COMMAND, (request, body, start, end) => {
    const call = readSessionPrefix(body, start, end);
    const inner = end - start < SESSION_CALL_BYTES ? 0 : body.readUInt16BE(start + 24);
    const handler = isSessionCommand(inner) ? table.find(inner) : null;
    if (call === null || call.session === 0 || call.sequence === 0 || handler === null) {
      refuse(request);
      return;
    }
    // The server was asked about the call in a session only, not about what it carries.
    if (!request.connection.allows(inner, request.groupId)) {
      request.fail(Status.denied, "DT_RPC_DENIED", `command ${inner} is not allowed`);
      return;
    }
    const handIn = (): void => handler(request, body, start + SESSION_CALL_BYTES, end);
    group.inSession(call, handIn, { fail: (error) => failRequest(request, error) });
  });
}

/** What a client sends. */
export interface SessionCall<A> {
  readonly id: SessionCallId;
  readonly command: number;
  readonly encode: Encode<A>;
  readonly argument: A;
}

export function encodeSessionCall(writer: ByteWriter, call: SessionCall<unknown>): void {
  const { session, sequence, answered } = call.id;
  writer.u64(session);
  writer.u64(sequence);
  writer.u64(answered);
  writer.u16(call.command);
  call.encode(writer, call.argument);
}

export function decodeSessionId(body: Buffer, start: number, end: number): number {
  if (end - start !== 8) {
    throw new RangeError(`a session id of ${end - start} bytes`);
  }
  return readUint64(body, start);
}

function encodeSessionId(writer: ByteWriter, id: number): void {
  writer.ensure(8);
  writeUint64(writer.buf, writer.pos, id);
  writer.pos += 8;
}

function isSessionCommand(command: number): boolean {
  const isAdministration = command >= ADMINISTRATION.from && command <= ADMINISTRATION.to;
  return command >= FIRST_SESSION_COMMAND && !isAdministration;
}

function refuse(request: IncomingRequest): void {
  const reason = "not a call of a session, or of a command that this group does not have";
  request.fail(Status.invalid, "DT_RAFT_SESSION_CALL", reason);
}
