// Hot path: per call. Bench: bench/echo.bench.ts.
import { withoutStack } from "./errors.ts";
import type { CallCompletion } from "./call-completion.ts";
import type { Counters } from "./counters.ts";
import type { ErrorLog } from "./error-log.ts";
import type { RpcError } from "./errors.ts";

/**
 * Hands outcomes to completions. What a completion throws goes no further, so it harms no other
 * call.
 */
export class Outcome {
  readonly #counters: Counters;
  readonly #errorLog: ErrorLog;

  constructor(counters: Counters, errorLog: ErrorLog) {
    this.#counters = counters;
    this.#errorLog = errorLog;
  }

  reply(completion: CallCompletion, body: Buffer, start: number, end: number): void {
    try {
      completion.onReply(body, start, end);
    } catch (error) {
      this.fail(completion, withoutStack({ code: "DT_RPC_BAD_REPLY" }, { cause: error }));
    }
  }

  fail(completion: CallCompletion, error: RpcError): void {
    try {
      completion.onFail(error);
    } catch (thrown) {
      this.#counters.completionErrors++;
      this.#errorLog.report(thrown, { outcome: error.code }, "a completion failed");
    }
  }
}
