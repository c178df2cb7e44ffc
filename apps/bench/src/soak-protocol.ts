import type { ByteWriter } from "@dt/codec";

/** Answers with its own body, and notes the serial number in it. */
export const NOTED_ECHO_COMMAND = 256;
/** Asks whether a serial number was noted; answers one byte, 1 or 0. */
export const WAS_NOTED_COMMAND = 257;

/** A body begins with the serial number of its call. */
export const SERIAL_BYTES = 6;

export function writeSerial(writer: ByteWriter, serial: number): void {
  writer.u16(Math.floor(serial / 2 ** 32));
  writer.u32(serial);
}

export function readSerial(body: Buffer, start: number): number {
  return body.readUIntBE(start, SERIAL_BYTES);
}
