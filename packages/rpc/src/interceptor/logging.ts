import { Status, statusName } from "../status.ts";
import type { Logger } from "../logger.ts";
import type { CallContext } from "./call-context.ts";
import type { Interceptor } from "./interceptor.ts";
import type { RequestContext } from "./request-context.ts";

export interface LoggingOptions {
  /** What takes at least so long, in milliseconds, is logged as a warning. Default 1000. */
  readonly slowMs?: number;
}

const SLOW_MS = 1000;

/**
 * Logs every request that is answered and every call that ends, one line each: as a warning what
 * was slow and what failed by a fault of the answering side, at level debug all else. With a logger
 * whose level is above debug only the warnings cost.
 */
export function logging(logger: Logger, options: LoggingOptions = {}): Interceptor {
  const slowMs = options.slowMs ?? SLOW_MS;
  return {
    onReply(context) {
      const elapsedMs = performance.now() - context.startedMs;
      const isBad = elapsedMs >= slowMs || context.status === Status.internal;
      const facts = requestFacts(context, elapsedMs);
      if (isBad) {
        logger.warn(facts, "request answered");
      } else {
        logger.debug(facts, "request answered");
      }
    },
    onOutcome(context) {
      const elapsedMs = performance.now() - context.startedMs;
      const isBad = elapsedMs >= slowMs || context.error?.status === Status.internal;
      const facts = callFacts(context, elapsedMs);
      if (isBad) {
        logger.warn(facts, "call ended");
      } else {
        logger.debug(facts, "call ended");
      }
    },
  };
}

function requestFacts(context: RequestContext, elapsedMs: number): object {
  const { request, status, code, isSent } = context;
  return {
    peer: request.connection.peer.address,
    command: request.command,
    groupId: request.groupId,
    traceparent: request.traceparent,
    status: statusName(status),
    code,
    isSent,
    elapsedMs,
  };
}

function callFacts(context: CallContext, elapsedMs: number): object {
  const { error } = context;
  return {
    peer: context.connection.peer.address,
    command: context.command,
    groupId: context.groupId,
    traceparent: context.traceparent,
    outcome: error === null ? "ok" : error.code,
    code: error === null ? null : error.remoteCode,
    elapsedMs,
  };
}
