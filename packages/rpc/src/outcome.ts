// Hot path: per call. Bench: bench/echo.bench.ts.
import { withoutStack } from "./errors.ts";
import type { CallCompletion } from "./call-completion.ts";
import type { Counters } from "./counters.ts";
import type { RpcError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Hands outcomes to completions. What a completion throws goes no further, so it harms no other call. */
export class Outcome {
  readonly #counters: Counters;
  readonly #logger: Logger;

  constructor(counters: Counters, logger: Logger) {
    this.#counters = counters;
    this.#logger = logger;
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
      this.#logger.error({ err: thrown, outcome: error.code }, "a completion failed");
    }
  }
}
