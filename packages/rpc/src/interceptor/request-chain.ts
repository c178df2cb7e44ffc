// Hot path with interceptors: per request. No closures.
import { RequestContext } from "./request-context.ts";
import type { Counters } from "../counters.ts";
import type { ErrorLog } from "../error-log.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { Interceptor } from "./interceptor.ts";

/** The interceptors that requests pass on their way to the handlers of one server or client. */
export class RequestChain {
  readonly #interceptors: readonly Interceptor[];
  readonly #counters: Counters;
  readonly #errorLog: ErrorLog;

  constructor(interceptors: readonly Interceptor[], counters: Counters, errorLog: ErrorLog) {
    this.#interceptors = interceptors;
    this.#counters = counters;
    this.#errorLog = errorLog;
  }

  /**
   * Returns false when an interceptor has answered the request. Throws what an interceptor throws.
   */
  enter(request: IncomingRequest, body: Buffer, start: number, end: number): boolean {
    const context = new RequestContext(request, body, start, end, this);
    if (!request.isOneWay) {
      request.context = context;
    }
    for (const interceptor of this.#interceptors) {
      interceptor.onRequest?.(context);
      if (request.isAnswered) {
        return false;
      }
    }
    context.forget();
    return true;
  }

  leave(context: RequestContext): void {
    for (let index = this.#interceptors.length - 1; index >= 0; index--) {
      try {
        this.#interceptors[index]?.onReply?.(context);
      } catch (error) {
        this.#counters.interceptorErrors++;
        const { command } = context.request;
        this.#errorLog.report(error, { command }, "an interceptor failed");
      }
    }
    context.forget();
  }
}

/** Null when there is nothing to call. */
export function requestChain(
  interceptors: readonly Interceptor[],
  counters: Counters,
  errorLog: ErrorLog,
): RequestChain | null {
  const wanted = interceptors.filter(
    (interceptor) => interceptor.onRequest !== undefined || interceptor.onReply !== undefined,
  );
  return wanted.length === 0 ? null : new RequestChain(wanted, counters, errorLog);
}
