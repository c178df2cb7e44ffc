// Hot path: per frame. Bench: bench/echo.bench.ts. No closures, no allocation.

/** What a frame is. The low four bits of its first byte. */
export const Kind = { request: 1, response: 2, oneWay: 3 } as const;

export type Kind = (typeof Kind)[keyof typeof Kind];

export const HEADER_VERSION = 1;

/** Kind and header version as they stand in the frame. */
export const REQUEST_BYTE = (HEADER_VERSION << 4) | Kind.request;
export const RESPONSE_BYTE = (HEADER_VERSION << 4) | Kind.response;
export const ONE_WAY_BYTE = (HEADER_VERSION << 4) | Kind.oneWay;

export const FLAG_GROUP = 1;
export const FLAG_EXTENSION = 2;
export const FLAG_COMPRESSED = 4;

/** Bytes of the length field, and of the fixed header including it. */
export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 16;
export const GROUP_BYTES = 4;
export const MAX_GROUP_ID = 0xffff_ffff;
/**
 * The smallest value the length field may have: the fixed header without the length field itself.
 */
export const MIN_FRAME_BYTES: number = HEADER_BYTES - LENGTH_BYTES;

/** Offsets within a frame after its length field, which is how a decoder hands it out. */
export const FLAGS_AT = 1;
export const COMMAND_AT = 2;
export const SEQ_AT = 4;
export const WORD_AT = 8;

/** Commands 0 to 15 belong to rpc itself. */
export const Command = {
  handshake: 1,
  ping: 2,
  nack: 3,
  goaway: 4,
  authenticate: 5,
  streamData: 8,
  streamCredit: 9,
  streamEnd: 10,
  streamCancel: 11,
} as const;

export const FIRST_USER_COMMAND = 16;
export const MAX_COMMAND = 0xffff;

/** Whether a header can say so: anything else would be cut to the number of another command or group. */
export function isRoute(command: number, groupId: number): boolean {
  return groupId >>> 0 === groupId && (command & MAX_COMMAND) === command;
}

/** Why `isRoute` is false. */
export function noRoute(command: number, groupId: number): RangeError {
  return new RangeError(
    `command ${command} of group ${groupId} is not within 0..${MAX_COMMAND} and 0..2^32-1`,
  );
}

const MAX_REMAINING_MICROS = 0xffff_ffff;

/**
 * Writes the header of a frame that lies in buf[frameStart, frameEnd): length, kind, flags,
 * command, seq and word (remaining microseconds of a request, status of a response), and the group
 * id when the flag says so.
 */
export function writeHeader(
  buf: Uint8Array,
  frameStart: number,
  frameEnd: number,
  kindByte: number,
  flags: number,
  command: number,
  seq: number,
  word: number,
  groupId: number,
): void {
  writeUint32(buf, frameStart, frameEnd - frameStart - LENGTH_BYTES);
  buf[frameStart + 4] = kindByte;
  buf[frameStart + 5] = flags;
  buf[frameStart + 6] = command >>> 8;
  buf[frameStart + 7] = command;
  writeUint32(buf, frameStart + 8, seq);
  writeUint32(buf, frameStart + 12, word);
  if ((flags & FLAG_GROUP) !== 0) {
    writeUint32(buf, frameStart + HEADER_BYTES, groupId);
  }
}

export function writeUint32(buf: Uint8Array, at: number, value: number): void {
  buf[at] = value >>> 24;
  buf[at + 1] = value >>> 16;
  buf[at + 2] = value >>> 8;
  buf[at + 3] = value;
}

/** Reads two bytes whose presence the caller has checked. */
export function readUint16(buf: Uint8Array, at: number): number {
  return ((buf[at] as number) << 8) | (buf[at + 1] as number);
}

/**
 * Reads four bytes, whose presence the caller has checked, as a signed number: a small one, which
 * is cheap.
 */
export function readInt32(buf: Uint8Array, at: number): number {
  return (
    ((buf[at] as number) << 24) |
    ((buf[at + 1] as number) << 16) |
    ((buf[at + 2] as number) << 8) |
    (buf[at + 3] as number)
  );
}

/** Reads four bytes whose presence the caller has checked. */
export function readUint32(buf: Uint8Array, at: number): number {
  return readInt32(buf, at) >>> 0;
}

/** The wire form of the time that is left: microseconds, 0 for no deadline, at most 71 minutes. */
export function remainingMicros(remainingMs: number): number {
  if (remainingMs === 0) {
    return 0;
  }
  const micros = Math.ceil(remainingMs * 1000);
  return micros < MAX_REMAINING_MICROS ? micros : MAX_REMAINING_MICROS;
}
