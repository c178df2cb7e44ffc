import { open } from "node:fs/promises";
import { CodecError, crc32 } from "@dt/codec";
import { RpcError } from "../errors.ts";
import {
  RECORDING_HEADER_BYTES,
  RECORD_PREFIX_BYTES,
  readRecordPayload,
  readRecordingHeader,
} from "./recorded-frame.ts";
import type { FileHandle } from "node:fs/promises";
import type { RecordedFrame } from "./recorded-frame.ts";

const BLOCK_BYTES = 1024 * 1024;

/**
 * Reads a recording from its beginning. The first record that cannot be read ends it: as a rule the
 * last one, which a crash has torn. How much is left out is in `unreadBytes`.
 */
export class RecordingReader {
  /** When the recording was started, milliseconds since 1970. */
  readonly startedUnixMs: number;
  /** Bytes at the end that are no whole record, once all have been read. */
  unreadBytes = 0;
  readonly #handle: FileHandle;
  #position = RECORDING_HEADER_BYTES;
  #bytes: Buffer = Buffer.alloc(0);

  /** Rejects with DT_RPC_RECORDING when the file cannot be opened or is no recording. */
  static async open(file: string): Promise<RecordingReader> {
    let handle: FileHandle;
    try {
      handle = await open(file, "r");
    } catch (error) {
      const problem = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      throw new RpcError({ code: "DT_RPC_RECORDING", problem }, { cause: error });
    }
    const header = Buffer.alloc(RECORDING_HEADER_BYTES);
    const { bytesRead } = await handle.read(header, 0, header.length, 0);
    const startedUnixMs = readRecordingHeader(header.subarray(0, bytesRead));
    if (startedUnixMs === null) {
      await handle.close();
      const problem = "no recording, or one of another version";
      throw new RpcError({ code: "DT_RPC_RECORDING", problem });
    }
    return new RecordingReader(handle, startedUnixMs);
  }

  private constructor(handle: FileHandle, startedUnixMs: number) {
    this.#handle = handle;
    this.startedUnixMs = startedUnixMs;
  }

  /** The next record, null at the end. Its body is the caller's to keep. */
  async next(): Promise<RecordedFrame | null> {
    if (!(await this.#has(RECORD_PREFIX_BYTES))) {
      return this.#end();
    }
    const length = this.#bytes.readUInt32BE(0);
    const crc = this.#bytes.readUInt32BE(4);
    const end = RECORD_PREFIX_BYTES + length;
    if (!(await this.#has(end)) || crc32(this.#bytes, RECORD_PREFIX_BYTES, end) !== crc) {
      return this.#end();
    }
    const record = readPayload(this.#bytes.subarray(RECORD_PREFIX_BYTES, end));
    if (record === null) {
      return this.#end();
    }
    this.#bytes = this.#bytes.subarray(end);
    return record;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Reads on until so many bytes are there; false when the file ends before that. */
  async #has(byteCount: number): Promise<boolean> {
    while (this.#bytes.length < byteCount) {
      // A block of its own each time: the bodies that were handed out are views of the one before.
      const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      const { bytesRead } = await this.#handle.read(block, 0, BLOCK_BYTES, this.#position);
      if (bytesRead === 0) {
        return false;
      }
      this.#position += bytesRead;
      this.#bytes = Buffer.concat([this.#bytes, block.subarray(0, bytesRead)]);
    }
    return true;
  }

  async #end(): Promise<null> {
    const { size } = await this.#handle.stat();
    this.unreadBytes = size - (this.#position - this.#bytes.length);
    return null;
  }
}

/** A string code that is not UTF-8 makes a record unreadable too. */
function readPayload(payload: Buffer): RecordedFrame | null {
  try {
    return readRecordPayload(payload);
  } catch (error) {
    if (error instanceof CodecError) {
      return null;
    }
    throw error;
  }
}
