// Hot path: per message of a stream. Bench: bench/stream.bench.ts. No closures, no promises.
import { RpcError } from "../errors.ts";
import { Command, HEADER_BYTES, ONE_WAY_BYTE } from "../frame.ts";
import { StreamSide } from "./stream-frames.ts";
import type { AnswerCode } from "../answer-code.ts";
import type { Encode } from "../call-completion.ts";
import type { Streams } from "./streams.ts";

/**
 * What one side does with what the other sends. None of it is called after the stream's end. What any
 * but `onMessage` throws ends the connection: DT_RPC_LISTENER.
 */
export interface StreamConsumer {
  /**
   * One message: body[start, end) is a view that is valid until it returns. Say when it has been
   * dealt with by `Stream.consumed`: as much as was not is all that the peer may send ahead. When
   * it throws, the stream ends, for the peer as INVALID.
   */
  onMessage(body: Buffer, start: number, end: number): void;
  /** The opener sends no more messages. Called at the acceptor. */
  onEnd(): void;
  /** A message can be sent again, after `send` has returned false. */
  onWritable(): void;
  /**
   * The stream has ended, and not by an answer: the peer gave it up, its time is over, the connection
   * is lost or a side broke the rules.
   */
  onAbort(error: RpcError): void;
}

/** Messages and bytes that one side takes ahead of what it has dealt with. */
export interface StreamWindow {
  readonly messages: number;
  readonly bytes: number;
}

const MAX_CREDIT = 0xffff_ffff;

/**
 * One side of a stream: messages in one or both directions between a request and its answer. Either
 * side may send only what the other has granted, so neither ever holds more than its window. A
 * message has at most half of the bytes of the receiver's window: a larger one could wait for ever
 * for the other half.
 */
export class Stream {
  /** The seq of the request that has opened it. */
  readonly id: number;
  readonly side: StreamSide;
  readonly #streams: Streams;
  readonly #consumer: StreamConsumer;
  /** What this side takes; zeros when it takes no messages. */
  readonly #window: StreamWindow;
  /** What the peer may still send, and what was dealt with and not granted again. */
  #roomMessages: number;
  #roomBytes: number;
  #consumedMessages = 0;
  #consumedBytes = 0;
  /** What this side may still send. */
  #creditMessages = 0;
  #creditBytes = 0;
  /** 0 until the first credit has come. */
  #maxMessageBytes = 0;
  /** `send` has returned false. */
  #isBlocked = false;
  #hasEnded = false;
  #hasPeerEnded = false;
  #isOver = false;

  constructor(
    streams: Streams,
    id: number,
    side: StreamSide,
    window: StreamWindow,
    consumer: StreamConsumer,
  ) {
    this.id = id;
    this.side = side;
    this.#streams = streams;
    this.#window = window;
    this.#consumer = consumer;
    this.#roomMessages = window.messages;
    this.#roomBytes = window.bytes;
  }

  /** Answered, cancelled or broken. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Sends one message. Returns false, and sends nothing, when the peer has granted too little or has
   * too much to read: `onWritable` follows; and when the stream is over. Throws what `encode`
   * throws, and DT_RPC_TOO_LARGE.
   */
  send<A>(encode: Encode<A>, argument: A): boolean {
    if (this.#isOver) {
      return false;
    }
    if (this.#hasEnded) {
      throw new Error("a message after the end of the stream");
    }
    if (this.#creditMessages === 0 || !this.#streams.hasRoom(this)) {
      this.#isBlocked = true;
      return false;
    }
    const out = this.#streams.out;
    const writer = out.begin(0);
    try {
      encode(writer, argument);
    } catch (error) {
      out.abandon();
      throw error;
    }
    const byteCount = out.frameBytes - HEADER_BYTES;
    if (byteCount > this.#creditBytes || byteCount > this.#maxMessageBytes) {
      out.abandon();
      if (byteCount > this.#maxMessageBytes) {
        const maxFrameBytes = this.#maxMessageBytes;
        throw new RpcError({ code: "DT_RPC_TOO_LARGE", frameBytes: byteCount, maxFrameBytes });
      }
      this.#isBlocked = true;
      return false;
    }
    this.#creditMessages--;
    this.#creditBytes -= byteCount;
    out.finish(ONE_WAY_BYTE, Command.streamData, this.id, this.side);
    return true;
  }

  /** The opener sends no more messages. What the acceptor sends still arrives. */
  end(): void {
    if (!this.#isOver && !this.#hasEnded) {
      this.#hasEnded = true;
      // Before its first credit the acceptor may not know of the stream.
      if (this.#maxMessageBytes > 0) {
        this.#streams.frames.end(this.id);
      }
    }
  }

  /** So many messages have been dealt with, and their bytes. */
  consumed(messages: number, byteCount: number): void {
    this.#consumedMessages += messages;
    this.#consumedBytes += byteCount;
    const isDue =
      this.#consumedMessages * 2 >= this.#window.messages ||
      this.#consumedBytes * 2 >= this.#window.bytes;
    if (isDue && !this.#isOver && !this.#hasPeerEnded) {
      this.#grant(this.#consumedMessages, this.#consumedBytes);
      this.#roomMessages += this.#consumedMessages;
      this.#roomBytes += this.#consumedBytes;
      this.#consumedMessages = 0;
      this.#consumedBytes = 0;
    }
  }

  /** The acceptor's first credit; tells the opener that there is a stream. */
  grantWindow(): void {
    this.#grant(this.#window.messages, this.#window.bytes);
  }

  #grant(messages: number, byteCount: number): void {
    this.#streams.frames.credit(this.id, this.side, messages, byteCount);
  }

  /** A data frame. */
  onData(body: Buffer, start: number, end: number): void {
    const byteCount = end - start;
    if (this.#hasPeerEnded) {
      this.#violation("DT_RPC_STREAM_STATE", "a message after the end");
    } else if (this.#roomMessages === 0 || byteCount > this.#roomBytes) {
      this.#violation("DT_RPC_STREAM_CREDIT", "a message beyond what was granted");
    } else {
      this.#roomMessages--;
      this.#roomBytes -= byteCount;
      this.#consumer.onMessage(body, start, end);
    }
  }

  /** A credit frame, or the grant in the request that opens the stream. */
  onCredit(messages: number, byteCount: number): void {
    const wasAccepted = this.#maxMessageBytes > 0;
    const allMessages = this.#creditMessages + messages;
    const allBytes = this.#creditBytes + byteCount;
    if (allMessages > MAX_CREDIT || allBytes > MAX_CREDIT) {
      this.#violation("DT_RPC_STREAM_CREDIT", "more was granted than can be counted");
      return;
    }
    this.#creditMessages = allMessages;
    this.#creditBytes = allBytes;
    if (!wasAccepted) {
      this.#maxMessageBytes = Math.ceil(byteCount / 2);
      if (this.#hasEnded) {
        this.#streams.frames.end(this.id);
      }
    }
    this.retry();
  }

  /** An end frame. */
  onPeerEnd(): void {
    if (this.side === StreamSide.opener || this.#hasPeerEnded) {
      this.#violation("DT_RPC_STREAM_STATE", "an end that is out of place");
      return;
    }
    this.#hasPeerEnded = true;
    this.#consumer.onEnd();
  }

  /** Credit or room has come. */
  retry(): void {
    if (this.#isBlocked && this.#creditMessages > 0 && !this.#isOver) {
      if (this.#streams.hasRoom(this)) {
        this.#isBlocked = false;
        this.#consumer.onWritable();
      }
    }
  }

  #violation(code: AnswerCode, fact: string): void {
    this.#streams.onViolation(this, code, fact);
  }

  /** The stream has ended: nothing more happens to it. */
  finish(): void {
    this.#isOver = true;
  }
}
