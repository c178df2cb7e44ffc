import { readUint64 } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { Status } from "@dt/rpc";
import type { CommandTable, Encode, IncomingRequest } from "@dt/rpc";
import {
  readSessionPrefix,
  SESSION_PREFIX_BYTES,
  writeSessionPrefix,
} from "../entry/session-prefix.ts";
import type { SessionCallId, SessionKey } from "../entry/session-prefix.ts";
import type { RaftGroup } from "../node/raft-group.ts";
import { OPEN_SESSION_COMMAND, SESSION_CALL_COMMAND } from "./commands.ts";
import { failRequest } from "./request-failure.ts";
import { sessionOwner } from "./session-owner.ts";

export type { SessionCallId, SessionKey } from "../entry/session-prefix.ts";

/**
 * A call in a session is the call itself with its place in the session before it: 34 bytes as in the entry
 * (entry/session-prefix.ts), u16 command, then the body of that command. Big-endian.
 */
export const SESSION_CALL_BYTES: number = SESSION_PREFIX_BYTES + 2;
/** The answer to who opens a session: u64 id, u64 secret. */
const SESSION_KEY_BYTES = 16;

/** Commands of raft, of administration and of rpc are no calls of a session. */
const FIRST_SESSION_COMMAND = 32;
const ADMINISTRATION = { from: 64, to: 95 } as const;

/** Adds the commands of sessions to those of a group. */
export function addSessionCommands<R>(table: CommandTable, group: RaftGroup<R>): void {
  table.on(OPEN_SESSION_COMMAND, (request) =>
    group.openSession(sessionOwner(request.connection.peer), {
      succeed: (key) => request.reply(encodeSessionKey, key),
      fail: (error) => failRequest(request, error),
    }),
  );
  table.on(SESSION_CALL_COMMAND, (request, body, start, end) => {
    const call = readSessionPrefix(body, start, end);
    const inner =
      end - start < SESSION_CALL_BYTES ? 0 : body.readUInt16BE(start + SESSION_PREFIX_BYTES);
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
  writer.ensure(SESSION_PREFIX_BYTES);
  writeSessionPrefix(writer.buf, writer.pos, call.id);
  writer.pos += SESSION_PREFIX_BYTES;
  writer.u16(call.command);
  call.encode(writer, call.argument);
}

export function decodeSessionKey(body: Buffer, start: number, end: number): SessionKey {
  if (end - start !== SESSION_KEY_BYTES) {
    throw new RangeError(`a session of ${end - start} bytes`);
  }
  return { session: readUint64(body, start), secret: body.readBigUInt64BE(start + 8) };
}

function encodeSessionKey(writer: ByteWriter, { session, secret }: SessionKey): void {
  writer.u64(session);
  writer.ensure(8);
  writer.buf.writeBigUInt64BE(secret, writer.pos);
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
