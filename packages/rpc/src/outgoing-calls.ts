// Hot path: per call. Bench: bench/echo.bench.ts. No closures, no promises, no logging.
import { withoutStack } from "./errors.ts";
import { writeRequestExtension } from "./extension.ts";
import { FLAG_EXTENSION, REQUEST_BYTE, isRoute, noRoute, remainingMicros } from "./frame.ts";
import { PING_SEQ, PendingCalls } from "./pending-calls.ts";
import { WaitingCall, WaitingCalls } from "./waiting-calls.ts";
import type { CallCompletion, Encode } from "./call-completion.ts";
import type { Counters } from "./counters.ts";
import type { DeadlineWheel } from "./deadline-wheel.ts";
import type { RpcError, RpcFault } from "./errors.ts";
import type { RequestExtension } from "./extension.ts";
import type { Outcome } from "./outcome.ts";
import type { PendingCall } from "./pending-calls.ts";
import type { Permits } from "./permits.ts";
import type { SendBuffer } from "./send-buffer.ts";
import type { ByteWriter } from "@dt/codec";

/**
 * 71 minutes, the longest that a header can say: a receiver drops what it would answer later, so nothing
 * comes after that.
 */
const MAX_TIMEOUT_MS = Math.floor(0xffff_ffff / 1000);

export interface OutgoingCallsOptions {
  /** The largest group id that the peer understands: 0 when it knows no groups. */
  readonly maxGroupId: number;
  readonly maxPeerFrameBytes: number;
  readonly maxSendBufferBytes: number;
  readonly maxWaitingCalls: number;
}

/** The calls that this side makes on one connection, from the start to the answer. */
export class OutgoingCalls {
  readonly #out: SendBuffer;
  readonly #permits: Permits;
  readonly #wheel: DeadlineWheel;
  readonly #counters: Counters;
  readonly #options: OutgoingCallsOptions;
  readonly #outcome: Outcome;
  readonly #onIdle: () => void;
  readonly #pending: PendingCalls;
  readonly #waiting = new WaitingCalls();

  constructor(
    out: SendBuffer,
    permits: Permits,
    wheel: DeadlineWheel,
    counters: Counters,
    outcome: Outcome,
    options: OutgoingCallsOptions,
    onIdle: () => void,
  ) {
    this.#out = out;
    this.#permits = permits;
    this.#wheel = wheel;
    this.#counters = counters;
    this.#outcome = outcome;
    this.#options = options;
    this.#onIdle = onIdle;
    this.#pending = new PendingCalls(this.#onDeadline);
  }

  /** Calls that have not ended, those that wait included. */
  get count(): number {
    return this.#pending.count;
  }

  /** Returns the call's seq; 0 when it has ended already. */
  start<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    extension: RequestExtension | null = null,
  ): number {
    if (!(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
      return this.#startWithOddTimeout(
        command,
        groupId,
        timeoutMs,
        encode,
        argument,
        completion,
        extension,
      );
    }
    if (!isRoute(command, groupId) || groupId > this.#options.maxGroupId) {
      this.#outcome.fail(completion, routeError(command, groupId));
      return 0;
    }
    const nowMs = this.#out.nowMs();
    if (this.#waiting.count > 0 || !this.#hasRoom()) {
      return this.#wait(
        command,
        groupId,
        timeoutMs,
        nowMs,
        encode,
        argument,
        completion,
        extension,
      );
    }
    const call = this.#pending.add(completion, timeoutMs, extension);
    if (!this.#send(call, command, groupId, timeoutMs, encode, argument)) {
      return 0;
    }
    if (timeoutMs > 0) {
      this.#wheel.add(call, nowMs + timeoutMs);
    }
    return call.seq;
  }

  /** A time that was over before the start ends the call; one beyond the maximum is cut to it. */
  #startWithOddTimeout<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    extension: RequestExtension | null,
  ): number {
    if (Number.isNaN(timeoutMs)) {
      throw new RangeError("a timeout of NaN milliseconds");
    }
    if (timeoutMs > 0) {
      return this.start(command, groupId, MAX_TIMEOUT_MS, encode, argument, completion, extension);
    }
    this.#counters.callsTimedOut++;
    const fault = { code: "DT_RPC_TIMEOUT", timeoutMs, wasSent: false } as const;
    this.#outcome.fail(completion, withoutStack(fault));
    return 0;
  }

  /** Whether the call is under way and its request was sent. */
  wasSent(seq: number): boolean {
    const call = this.#pending.find(seq);
    return call !== null && call.wasSent;
  }

  /** Ends the call with this error; nothing happens when it has ended before. */
  fail(seq: number, error: RpcError): void {
    const call = this.#pending.find(seq);
    if (call !== null) {
      this.#outcome.fail(this.#end(call), error);
      this.resume();
    }
  }

  /**
   * Ends the call that this response answers and returns its completion; null when it has ended
   * before.
   */
  settle(seq: number): CallCompletion | null {
    const call = this.#pending.find(seq);
    if (call === null || !call.wasSent) {
      if (seq !== PING_SEQ) {
        this.#counters.lateResponses++;
      }
      return null;
    }
    return this.#end(call);
  }

  /** Sends what waits, as far as permits and buffer allow. */
  resume(): void {
    while (this.#hasRoom()) {
      const waiting = this.#waiting.first;
      if (waiting === null) {
        return;
      }
      const { call, command, groupId, deadlineMs, encode, argument } = waiting;
      const remainingMs = deadlineMs > 0 ? deadlineMs - this.#out.nowMs() : 0;
      // Nothing left is not sent as 0, which would mean no deadline.
      if (deadlineMs > 0 && remainingMs <= 0) {
        this.#expire(call);
        continue;
      }
      this.#waiting.remove(waiting);
      call.waiting = null;
      this.#send(call, command, groupId, remainingMs, encode, argument);
    }
  }

  /** Ends every call. `code` says who closed the connection. */
  failAll(code: "DT_RPC_CONNECTION_LOST" | "DT_RPC_CLOSED", cause: RpcError | null): void {
    const options = cause === null ? {} : { cause };
    const sent = withoutStack({ code, wasSent: true }, options);
    const unsent = withoutStack({ code, wasSent: false }, options);
    for (const call of this.#pending.all()) {
      // The completion of one may have cancelled another.
      if (call.completion !== null) {
        const error = call.wasSent ? sent : unsent;
        this.#outcome.fail(this.#end(call), error);
      }
    }
  }

  #hasRoom(): boolean {
    return this.#permits.hasRoom && this.#out.bufferedBytes < this.#options.maxSendBufferBytes;
  }

  /** Returns false when the call has ended, because its argument cannot be sent. */
  #send<A>(
    call: PendingCall,
    command: number,
    groupId: number,
    remainingMs: number,
    encode: Encode<A>,
    argument: A,
  ): boolean {
    const out = this.#out;
    const writer = this.#begin(call, groupId);
    try {
      if (call.extension !== null) {
        out.addFlag(FLAG_EXTENSION);
        writeRequestExtension(writer, call.extension);
      }
      encode(writer, argument);
    } catch (error) {
      out.abandon();
      this.#outcome.fail(
        this.#end(call),
        withoutStack({ code: "DT_RPC_ENCODE" }, { cause: error }),
      );
      return false;
    }
    const { maxPeerFrameBytes } = this.#options;
    if (out.frameBytes > maxPeerFrameBytes) {
      const fault: RpcFault = {
        code: "DT_RPC_TOO_LARGE",
        frameBytes: out.frameBytes,
        maxFrameBytes: maxPeerFrameBytes,
      };
      out.abandon();
      this.#outcome.fail(this.#end(call), withoutStack(fault));
      return false;
    }
    const frameBytes = out.finish(REQUEST_BYTE, command, call.seq, remainingMicros(remainingMs));
    call.frameBytes = frameBytes;
    this.#permits.take(frameBytes);
    return true;
  }

  /** Throws when the call is made by an encode function: there is a frame under way. */
  #begin(call: PendingCall, groupId: number): ByteWriter {
    try {
      return this.#out.begin(groupId);
    } catch (error) {
      this.#end(call);
      throw error;
    }
  }

  #wait<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    nowMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    extension: RequestExtension | null,
  ): number {
    const limit = this.#options.maxWaitingCalls;
    const waitingCalls = this.#waiting.count;
    if (waitingCalls >= limit) {
      this.#outcome.fail(
        completion,
        withoutStack({ code: "DT_RPC_FLOW_CONTROL", waitingCalls, limit }),
      );
      return 0;
    }
    const call = this.#pending.add(completion, timeoutMs, extension);
    const deadlineMs = timeoutMs > 0 ? nowMs + timeoutMs : 0;
    const erased = encode as Encode<unknown>;
    call.waiting = new WaitingCall(call, command, groupId, deadlineMs, erased, argument);
    this.#waiting.append(call.waiting);
    if (timeoutMs > 0) {
      this.#wheel.add(call, deadlineMs);
    }
    return call.seq;
  }

  readonly #onDeadline = (call: PendingCall): void => {
    this.#expire(call);
    this.resume();
  };

  #expire(call: PendingCall): void {
    this.#counters.callsTimedOut++;
    const { timeoutMs, wasSent } = call;
    const error = withoutStack({ code: "DT_RPC_TIMEOUT", timeoutMs, wasSent });
    this.#outcome.fail(this.#end(call), error);
  }

  #end(call: PendingCall): CallCompletion {
    const { completion } = call;
    if (completion === null) {
      throw new Error("a call ended twice");
    }
    this.#wheel.remove(call);
    if (call.frameBytes > 0) {
      this.#permits.giveBack(call.frameBytes);
    }
    if (call.waiting !== null) {
      this.#waiting.remove(call.waiting);
      call.waiting = null;
    }
    this.#pending.remove(call);
    if (this.#pending.count === 0) {
      this.#onIdle();
    }
    return completion;
  }
}

function routeError(command: number, groupId: number): RpcError {
  return isRoute(command, groupId)
    ? withoutStack({ code: "DT_RPC_NO_GROUPS", groupId })
    : withoutStack({ code: "DT_RPC_ENCODE" }, { cause: noRoute(command, groupId) });
}
