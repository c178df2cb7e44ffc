// Hot path with interceptors: per call. No closures.
import { CallContext } from "./call-context.ts";
import type { CallCompletion } from "../call-completion.ts";
import type { Connection } from "../connection.ts";
import type { Counters } from "../counters.ts";
import type { ErrorLog } from "../error-log.ts";
import type { Interceptor } from "./interceptor.ts";

/** The interceptors that the calls of one server or client pass. */
export class CallChain {
  readonly #interceptors: readonly Interceptor[];
  readonly #counters: Counters;
  readonly #errorLog: ErrorLog;

  constructor(interceptors: readonly Interceptor[], counters: Counters, errorLog: ErrorLog) {
    this.#interceptors = interceptors;
    this.#counters = counters;
    this.#errorLog = errorLog;
  }

  /** Use the context that is returned in place of the completion. */
  enter(
    connection: Connection,
    command: number,
    groupId: number,
    timeoutMs: number,
    traceparent: string | null,
    completion: CallCompletion,
  ): CallContext {
    const context = new CallContext(
      connection,
      command,
      groupId,
      timeoutMs,
      traceparent,
      completion,
      this,
    );
    for (const interceptor of this.#interceptors) {
      try {
        interceptor.onCall?.(context);
      } catch (error) {
        this.#failed(error, command);
      }
    }
    return context;
  }

  leave(context: CallContext): void {
    for (let index = this.#interceptors.length - 1; index >= 0; index--) {
      try {
        this.#interceptors[index]?.onOutcome?.(context);
      } catch (error) {
        this.#failed(error, context.command);
      }
    }
  }

  #failed(error: unknown, command: number): void {
    this.#counters.interceptorErrors++;
    this.#errorLog.report(error, { command }, "an interceptor failed");
  }
}

/** Null when there is nothing to call. */
export function callChain(
  interceptors: readonly Interceptor[],
  counters: Counters,
  errorLog: ErrorLog,
): CallChain | null {
  const wanted = interceptors.filter(
    (interceptor) => interceptor.onCall !== undefined || interceptor.onOutcome !== undefined,
  );
  return wanted.length === 0 ? null : new CallChain(wanted, counters, errorLog);
}
