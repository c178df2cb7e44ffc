// Hot path while it records: per request and reply. No closures, no promises per message.
import { open } from "node:fs/promises";
import { ByteWriter, utf8Length } from "@dt/codec";
import { RpcError } from "../errors.ts";
import { Kind, remainingMicros } from "../frame.ts";
import { recordBytes, writeRecord, writeRecordingHeader } from "./recorded-frame.ts";
import type { FileHandle } from "node:fs/promises";
import type { Connection } from "../connection.ts";
import type { RequestInterceptor } from "../interceptor/interceptor.ts";
import type { RequestContext } from "../interceptor/request-context.ts";

/** Where a recording goes. */
export interface RecordingSink {
  /** The bytes are left alone until it resolves. One write is under way at a time. */
  write(bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface TrafficRecorderOptions {
  /**
   * Bytes that may wait to be written, 64 KiB or more; what comes beyond is dropped and counted.
   * Default 16 MiB.
   */
  readonly maxBufferBytes?: number;
}

export interface RecordingStats {
  /** Requests, one-ways and answers that are in the recording, or on their way to it. */
  readonly recorded: number;
  /** The same that are not, because too much waited to be written or writing has failed. */
  readonly dropped: number;
  /** Requests that open streams; a recording has none. */
  readonly streams: number;
  /** Why nothing more is written; null while all is well. */
  readonly error: RpcError | null;
}

const MAX_BUFFER_BYTES = 16 * 1024 * 1024;
const MIN_BUFFER_BYTES = 64 * 1024;
/** What fits into the extension block of an answer. */
const MAX_CODE_BYTES = 0xffff - 3;

/**
 * Records the requests of the peers and the answers of this side: an interceptor for a server or
 * client. It never makes anybody wait: what the sink cannot take in time is dropped and counted.
 * Bodies are recorded as they are; keep the file as safe as the data in it.
 */
export class TrafficRecorder implements RequestInterceptor {
  readonly #sink: RecordingSink;
  readonly #maxBufferBytes: number;
  readonly #originMs: number = performance.now();
  readonly #connections = new WeakMap<Connection, number>();
  #lastConnection: Connection | null = null;
  #lastNumber = 0;
  #connectionCount = 0;
  /** What waits, and what is being written; they change places. */
  #waiting = new ByteWriter();
  #spare = new ByteWriter();
  #bytesBeingWritten = 0;
  #isPumping = false;
  #pumped: Promise<void> = Promise.resolve();
  #isClosed = false;
  #recorded = 0;
  #dropped = 0;
  #streams = 0;
  #error: RpcError | null = null;

  /** Records to a new file; rejects with DT_RPC_RECORDING when it cannot be made or is there. */
  static async create(
    file: string,
    options: TrafficRecorderOptions = {},
  ): Promise<TrafficRecorder> {
    let handle: FileHandle;
    try {
      handle = await open(file, "wx");
    } catch (error) {
      throw recordingError(error);
    }
    return new TrafficRecorder(new FileSink(handle), options);
  }

  constructor(sink: RecordingSink, options: TrafficRecorderOptions = {}) {
    const maxBufferBytes = options.maxBufferBytes ?? MAX_BUFFER_BYTES;
    if (!Number.isSafeInteger(maxBufferBytes) || maxBufferBytes < MIN_BUFFER_BYTES) {
      const problems = [`maxBufferBytes: ${maxBufferBytes} is not an integer from 65536 on`];
      throw new RpcError({ code: "DT_RPC_OPTIONS", problems });
    }
    this.#sink = sink;
    this.#maxBufferBytes = maxBufferBytes;
    writeRecordingHeader(this.#waiting, Date.now());
    this.#pump();
  }

  get stats(): RecordingStats {
    const [recorded, dropped, streams] = [this.#recorded, this.#dropped, this.#streams];
    return { recorded, dropped, streams, error: this.#error };
  }

  onRequest(context: RequestContext): void {
    const { request, body, start, end, startedMs } = context;
    if (request.stream !== null) {
      this.#streams++;
      return;
    }
    const kind = request.isOneWay ? Kind.oneWay : Kind.request;
    const { deadlineMs } = request;
    const leftMs = deadlineMs === 0 ? 0 : Math.max(0.001, deadlineMs - startedMs);
    this.#record(context, kind, remainingMicros(leftMs), startedMs, "", body, start, end);
  }

  onReply(context: RequestContext): void {
    const { request, status, code, body, start, end } = context;
    if (request.stream === null) {
      const nowMs = performance.now();
      this.#record(context, Kind.response, status, nowMs, sendable(code), body, start, end);
    }
  }

  /** Writes what waits and closes the sink. Rejects with DT_RPC_RECORDING when writing has failed. */
  async close(): Promise<RecordingStats> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await this.#pumped;
      try {
        await this.#sink.close();
      } catch (error) {
        this.#error ??= recordingError(error);
      }
    }
    if (this.#error !== null) {
      throw this.#error;
    }
    return this.stats;
  }

  #record(
    context: RequestContext,
    kind: Kind,
    word: number,
    atMs: number,
    code: string,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    const writer = this.#waiting;
    const waitingBytes = this.#bytesBeingWritten + writer.pos;
    const byteCount = recordBytes(kind, code, end - start);
    if (this.#isClosed || this.#error !== null || waitingBytes + byteCount > this.#maxBufferBytes) {
      this.#dropped++;
      return;
    }
    const { command, groupId, connection, seq } = context.request;
    const number = this.#numberOf(connection);
    const atMicros = Math.max(0, Math.round((atMs - this.#originMs) * 1000));
    writeRecord(
      writer,
      kind,
      command,
      groupId,
      number,
      seq,
      word,
      atMicros,
      code,
      body,
      start,
      end,
    );
    this.#recorded++;
    if (!this.#isPumping) {
      this.#pump();
    }
  }

  #numberOf(connection: Connection): number {
    if (connection !== this.#lastConnection) {
      let number = this.#connections.get(connection);
      if (number === undefined) {
        number = ++this.#connectionCount;
        this.#connections.set(connection, number);
      }
      this.#lastConnection = connection;
      this.#lastNumber = number;
    }
    return this.#lastNumber;
  }

  #pump(): void {
    this.#isPumping = true;
    this.#pumped = this.#write();
  }

  /** Writes until nothing waits. Gathers for the rest of the turn before each write. */
  async #write(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    while (this.#waiting.pos > 0 && this.#error === null) {
      const full = this.#waiting;
      this.#waiting = this.#spare;
      this.#spare = full;
      this.#bytesBeingWritten = full.pos;
      try {
        await this.#sink.write(full.buf.subarray(0, full.pos));
      } catch (error) {
        this.#error = recordingError(error);
      }
      full.reset();
      this.#bytesBeingWritten = 0;
    }
    this.#isPumping = false;
    // A connection that is gone is not held by its recorder.
    this.#lastConnection = null;
  }
}

class FileSink implements RecordingSink {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Buffer): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += (await this.#handle.write(bytes, written)).bytesWritten;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A code that is no text, or too long for an answer, has not been sent either. */
function sendable(code: string | null): string {
  return code !== null && code.isWellFormed() && utf8Length(code) <= MAX_CODE_BYTES ? code : "";
}

/** `problem` is what the system says, such as ENOSPC. */
function recordingError(cause: unknown): RpcError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return new RpcError({ code: "DT_RPC_RECORDING", problem: code }, { cause });
}
