import { Stream } from "./stream.ts";
import { StreamSide } from "./stream-frames.ts";
import type { CallCompletion } from "../call-completion.ts";
import type { RpcError } from "../errors.ts";
import type { Streams } from "./streams.ts";
import type { StreamConsumer, StreamWindow } from "./stream.ts";

/** A stream of the side that has opened it: stands between its call and the caller's completion. */
export class OpenedStream implements CallCompletion {
  readonly #streams: Streams;
  readonly #window: StreamWindow;
  readonly #consumer: StreamConsumer;
  readonly #completion: CallCompletion;
  #stream: Stream | null = null;

  constructor(
    streams: Streams,
    window: StreamWindow,
    consumer: StreamConsumer,
    completion: CallCompletion,
  ) {
    this.#streams = streams;
    this.#window = window;
    this.#consumer = consumer;
    this.#completion = completion;
  }

  get stream(): Stream {
    if (this.#stream === null) {
      throw new Error("a stream is used before it has begun");
    }
    return this.#stream;
  }

  /** The request has the number `seq` and was sent, or waits to be. */
  begin(seq: number): Stream {
    const { opener } = StreamSide;
    this.#stream = new Stream(this.#streams, seq, opener, this.#window, this.#consumer);
    return this.#stream;
  }

  onReply(body: Buffer, start: number, end: number): void {
    this.#finish();
    this.#completion.onReply(body, start, end);
  }

  onFail(error: RpcError): void {
    this.#finish();
    this.#completion.onFail(error);
  }

  #finish(): void {
    const stream = this.#stream;
    // Null when the call has failed before it began.
    if (stream !== null) {
      stream.finish();
      this.#streams.forgetOpened(stream.id);
    }
  }
}
