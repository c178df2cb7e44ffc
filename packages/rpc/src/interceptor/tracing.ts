import { randomFillSync } from "node:crypto";
import { isSampled, spanIdOf, traceIdOf } from "../traceparent.ts";
import type { RpcError } from "../errors.ts";
import type { Status } from "../status.ts";
import type { CallContext } from "./call-context.ts";
import type { Interceptor } from "./interceptor.ts";
import type { RequestContext } from "./request-context.ts";

/** One request or call as a part of a trace. */
export interface Span {
  /** server: a request that this side has answered. client: a call that it has made. */
  readonly kind: "server" | "client";
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Of the caller's span; null for the first of a trace. */
  readonly parentSpanId: string | null;
  readonly command: number;
  readonly groupId: number;
  /** Of performance.now(). */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Of the answer; null for a call that failed without one. */
  readonly status: Status | null;
  /** The string code of an error answer. */
  readonly code: string | null;
  /** Null for a request, and for a call that was answered ok. */
  readonly error: RpcError | null;
}

export interface TracingOptions {
  /** Called for each span of a sampled trace when it has ended. */
  readonly onSpan?: (span: Span) => void;
  /**
   * Whether a trace that begins here is sampled. Default: every one. What a caller has decided is
   * kept.
   */
  readonly sample?: (command: number) => boolean;
}

const ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** Random bytes are drawn for so many ids at a time. */
const IDS_AT_A_TIME = 64;

/**
 * W3C Trace Context: gives each request and each call a span of its own, under the span of its
 * caller when it has one. Calls made with a request as their parent belong to its trace; others
 * begin a new one. A traceparent that is malformed counts as none.
 */
export function tracing(options: TracingOptions = {}): Interceptor {
  const ids = new RandomIds();
  const onSpan = options.onSpan ?? null;
  const sample = options.sample ?? null;
  const parents = new WeakMap<RequestContext | CallContext, string>();

  /** The traceparent of a new span, and its caller's in `parents`. */
  const begin = (
    context: RequestContext | CallContext,
    parent: string | null,
    command: number,
  ): string => {
    if (parent !== null) {
      parents.set(context, parent);
      return `00-${traceIdOf(parent)}-${ids.next(SPAN_ID_BYTES)}-${parent.slice(-2)}`;
    }
    const flags = sample === null || sample(command) ? "01" : "00";
    return `00-${ids.next(ID_BYTES)}-${ids.next(SPAN_ID_BYTES)}-${flags}`;
  };

  return {
    onRequest(context) {
      const { request } = context;
      request.traceparent = begin(context, request.traceparent, request.command);
    },
    onReply(context) {
      const { request, startedMs, status, code } = context;
      const { traceparent, command, groupId } = request;
      if (onSpan === null || traceparent === null || !isSampled(traceparent)) {
        return;
      }
      const own = spanIds(traceparent, parents.get(context));
      const endedMs = performance.now();
      onSpan({
        kind: "server",
        ...own,
        command,
        groupId,
        startedMs,
        endedMs,
        status,
        code,
        error: null,
      });
    },
    onCall(context) {
      context.traceparent = begin(context, context.traceparent, context.command);
    },
    onOutcome(context) {
      const { traceparent, command, groupId, startedMs, error } = context;
      if (onSpan === null || traceparent === null || !isSampled(traceparent)) {
        return;
      }
      const own = spanIds(traceparent, parents.get(context));
      const endedMs = performance.now();
      const status = error === null ? 0 : error.status;
      const code = error === null ? null : error.remoteCode;
      onSpan({ kind: "client", ...own, command, groupId, startedMs, endedMs, status, code, error });
    },
  };
}

function spanIds(traceparent: string, parent: string | undefined) {
  return {
    traceId: traceIdOf(traceparent),
    spanId: spanIdOf(traceparent),
    parentSpanId: parent === undefined ? null : spanIdOf(parent),
  };
}

/** Ids from the system's random source, drawn in bulk. */
class RandomIds {
  readonly #pool = Buffer.alloc(IDS_AT_A_TIME * ID_BYTES);
  #used: number = this.#pool.length;

  /** Hexadecimal digits of so many bytes, which are not all zero. */
  next(byteCount: number): string {
    for (;;) {
      if (this.#used + byteCount > this.#pool.length) {
        randomFillSync(this.#pool);
        this.#used = 0;
      }
      const id = this.#pool.toString("hex", this.#used, this.#used + byteCount);
      this.#used += byteCount;
      if (!/^0+$/.test(id)) {
        return id;
      }
    }
  }
}
