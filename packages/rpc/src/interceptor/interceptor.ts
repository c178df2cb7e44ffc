import type { CallContext } from "./call-context.ts";
import type { RequestContext } from "./request-context.ts";

/** Sees the requests of the peer and the answers of this side. */
export interface RequestInterceptor {
  /**
   * Called for each request and one-way that has a handler, before the handler. It may answer
   * `context.request` itself, and then neither later interceptors nor the handler are called; when
   * it throws, that answers the request as a throw of the handler does.
   */
  onRequest?(context: RequestContext): void;
  /**
   * Called once for each request that is answered, with the same context, also when the answer
   * could not be sent any more. Never for a one-way. What it throws is logged and counted.
   */
  onReply?(context: RequestContext): void;
}

/** Sees the calls of this side and how they end. */
export interface CallInterceptor {
  /** Called for each call before it is encoded. What it throws is logged and counted. */
  onCall?(context: CallContext): void;
  /** Called once for each call, with the same context, after the caller has had the outcome. */
  onOutcome?(context: CallContext): void;
}

/**
 * Given to a server or client, which call what they find in it, synchronously. `onRequest` and
 * `onCall` are called in the order of the list, `onReply` and `onOutcome` in the reverse order.
 * Without interceptors a call pays one comparison with null.
 */
export interface Interceptor extends RequestInterceptor, CallInterceptor {}
