import type { ByteWriter } from "@dt/codec";

/** Commands that the tests use. */
export const ECHO = 256;
export const HOLD = 257;
export const FAIL = 258;
export const NOTE = 259;

export function writeText(writer: ByteWriter, text: string): void {
  writer.utf8(text);
}

export function readText(body: Buffer, start: number, end: number): string {
  return body.toString("utf8", start, end);
}

export function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.bytes(bytes);
}

export function readLength(_body: Buffer, start: number, end: number): number {
  return end - start;
}

export function writeNothing(): void {}

export function readNothing(): null {
  return null;
}
