// Hot path: per message of a stream. Bench: bench/stream.bench.ts. No closures, no promises.
import { CodecError } from "@dt/codec";
import { withoutStack } from "../errors.ts";
import { Command } from "../frame.ts";
import { Status } from "../status.ts";
import { AcceptedStream } from "./accepted-stream.ts";
import { StreamSide, readCancellation, readCredit } from "./stream-frames.ts";
import type { AnswerCode } from "../answer-code.ts";
import type { BadBody } from "../compression/compressed-body.ts";
import type { Counters } from "../counters.ts";
import type { OutgoingCalls } from "../outgoing-calls.ts";
import type { RequestIntake } from "../request-intake.ts";
import type { OpenedStream } from "./opened-stream.ts";
import type { StreamTable } from "./stream-table.ts";
import type { Streams } from "./streams.ts";

/** Takes the frames of streams that the peer sends, each to its stream. */
export class StreamIntake {
  readonly #streams: Streams;
  readonly #table: StreamTable;
  readonly #calls: OutgoingCalls;
  readonly #requests: RequestIntake;
  readonly #counters: Counters;

  constructor(
    streams: Streams,
    table: StreamTable,
    calls: OutgoingCalls,
    requests: RequestIntake,
    counters: Counters,
  ) {
    this.#streams = streams;
    this.#table = table;
    this.#calls = calls;
    this.#requests = requests;
    this.#counters = counters;
  }

  /** A frame of a stream; `word` says who sends it. Returns false when it cannot be one. */
  onFrame(
    command: number,
    seq: number,
    word: number,
    body: Buffer,
    start: number,
    end: number,
  ): boolean {
    if (seq === 0 || word > StreamSide.acceptor) {
      return false;
    }
    if (command === Command.streamCancel) {
      this.#onCancel(seq, word, body, start, end);
      return true;
    }
    const holder = this.#table.find(seq, word);
    if (holder === null) {
      this.#refuse(seq, word);
      return true;
    }
    const { stream } = holder;
    if (command === Command.streamData) {
      this.#onData(holder, body, start, end);
    } else if (command === Command.streamEnd) {
      stream.onPeerEnd();
    } else {
      const credit = readCredit(body, start, end);
      if (credit === null) {
        this.#streams.onViolation(stream, "DT_RPC_STREAM_STATE", "a credit that is too short");
      } else {
        stream.onCredit(credit.messages, credit.bytes);
      }
    }
    return true;
  }

  /** A message that cannot be decompressed. */
  onBadMessage(seq: number, word: number, reason: BadBody): void {
    const holder = this.#table.find(seq, word);
    if (holder !== null) {
      this.#streams.onViolation(
        holder.stream,
        "DT_RPC_STREAM_MESSAGE",
        `${reason.code}: ${reason.message}`,
      );
    }
  }

  #onData(holder: OpenedStream | AcceptedStream, body: Buffer, start: number, end: number): void {
    const { stream } = holder;
    try {
      stream.onData(body, start, end);
    } catch (cause) {
      const fact = cause instanceof Error ? cause.message : String(cause);
      if (holder instanceof AcceptedStream) {
        const isMessage = cause instanceof CodecError;
        const code: AnswerCode = isMessage ? "DT_RPC_STREAM_MESSAGE" : "DT_RPC_HANDLER_FAILED";
        const error = withoutStack({ code: "DT_RPC_STREAM", violation: code, fact }, { cause });
        holder.fail(isMessage ? Status.invalid : Status.internal, code, fact, error);
      } else {
        this.#streams.giveUp(stream.id, withoutStack({ code: "DT_RPC_BAD_REPLY" }, { cause }));
      }
    }
  }

  #onCancel(seq: number, word: number, body: Buffer, start: number, end: number): void {
    if (word === StreamSide.opener) {
      const target = this.#table.accepted.get(seq) ?? this.#table.cancellable.get(seq);
      if (target === undefined) {
        if (!this.#requests.cancel(seq)) {
          this.#counters.lateStreamFrames++;
        }
        return;
      }
      this.#table.cancellable.delete(seq);
      target.onCancel(withoutStack({ code: "DT_RPC_CANCELLED", wasSent: true }));
      return;
    }
    if (!this.#table.opened.has(seq)) {
      this.#counters.lateStreamFrames++;
      return;
    }
    const { status, code, message } = readCancellation(body, start, end);
    const error = withoutStack({
      code: "DT_RPC_REMOTE",
      status: status === Status.ok ? Status.internal : status,
      remoteCode: code,
      remoteMessage: message,
      detail: null,
    });
    this.#calls.fail(seq, error);
  }

  /** A frame for a stream that this side does not have, or has no more. */
  #refuse(seq: number, word: number): void {
    this.#counters.lateStreamFrames++;
    const side = word === StreamSide.opener ? StreamSide.acceptor : StreamSide.opener;
    const code: AnswerCode = "DT_RPC_UNKNOWN_STREAM";
    this.#streams.frames.refuse(seq, side, Status.invalid, code, "there is no such stream");
  }
}
