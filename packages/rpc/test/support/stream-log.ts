import { readText, writeText } from "./bodies.ts";
import { Tally } from "./failure.ts";
import { until } from "./until.ts";
import type {
  AcceptedStream,
  Connection,
  IncomingRequest,
  RpcError,
  Stream,
  StreamConsumer,
  StreamWindow,
} from "../../src/index.ts";

/** Writes down what a stream brings, and deals with each message at once unless told not to. */
export class StreamLog implements StreamConsumer {
  readonly messages: string[] = [];
  stream: Stream | null = null;
  isSlow = false;
  unread = 0;
  hasEnded = false;
  writable = 0;
  error: RpcError | null = null;

  onMessage(body: Buffer, start: number, end: number): void {
    this.messages.push(readText(body, start, end));
    if (this.isSlow) {
      this.unread += end - start;
    } else {
      this.stream?.consumed(1, end - start);
    }
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onWritable(): void {
    this.writable++;
  }

  onAbort(error: RpcError): void {
    this.error = error;
  }
}

export const SMALL_WINDOW: StreamWindow = { messages: 4, bytes: 4096 };
export const NO_WINDOW: StreamWindow = { messages: 0, bytes: 0 };

export interface Opened {
  readonly stream: Stream;
  readonly log: StreamLog;
  readonly outcome: Tally;
}

/** Opens a stream that takes messages by `window`. */
export function openStream(
  connection: Connection,
  command: number,
  window: StreamWindow = SMALL_WINDOW,
  timeoutMs = 0,
): Opened {
  const log = new StreamLog();
  const outcome = new Tally();
  const { streams } = connection;
  const stream = streams.open(command, 0, timeoutMs, writeText, "", window, log, outcome);
  if (stream === null) {
    throw new Error(`no stream: ${String(outcome.failures[0])}`);
  }
  log.stream = stream;
  return { stream, log, outcome };
}

export interface Taken {
  readonly request: IncomingRequest;
  readonly accepted: AcceptedStream;
  readonly log: StreamLog;
}

/** A handler that takes up every stream and gives it to the test. */
export function takeStreams(window: StreamWindow = SMALL_WINDOW): {
  readonly taken: Taken[];
  readonly handler: (request: IncomingRequest) => void;
  next(): Promise<Taken>;
} {
  const taken: Taken[] = [];
  let given = 0;
  return {
    taken,
    handler(request) {
      const log = new StreamLog();
      const accepted = request.connection.streams.accept(request, window, log);
      if (accepted !== null) {
        log.stream = accepted.stream;
        taken.push({ request, accepted, log });
      }
    },
    async next() {
      await until(() => taken.length > given, "a stream that is opened");
      return taken[given++] as Taken;
    },
  };
}

/** Takes up the stream of a request, sends each message back and answers with how many there were. */
export function echoStream(request: IncomingRequest): void {
  const log = new EchoLog();
  const accepted = request.connection.streams.accept(request, SMALL_WINDOW, log);
  if (accepted !== null) {
    log.stream = accepted.stream;
    log.onLast = () => accepted.reply(writeText, String(log.messages.length));
  }
}

class EchoLog extends StreamLog {
  onLast: () => void = () => {};

  override onMessage(body: Buffer, start: number, end: number): void {
    super.onMessage(body, start, end);
    this.stream?.send(writeText, this.messages.at(-1) ?? "");
  }

  override onEnd(): void {
    this.onLast();
  }
}
