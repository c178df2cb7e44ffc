// Hot path: per write. Bench: bench/handlers.bench.ts. No closures, no promises.
import { failRequest } from "@dt/raft";
import type { Proposal, RaftError } from "@dt/raft";
import type { IncomingRequest } from "@dt/rpc";
import { encodeBatchPutReply } from "../command/batch-put.ts";
import { encodeCasReply } from "../command/cas.ts";
import { encodeRevision } from "../command/put.ts";
import type { Refusal } from "../refusal.ts";
import type { KvResult } from "../state-machine.ts";
import { refuse } from "./refuse.ts";

/** A write that waits for its entry to be applied; answers the request with what became of it. */
export class WriteProposal implements Proposal<KvResult> {
  readonly #request: IncomingRequest;

  constructor(request: IncomingRequest) {
    this.#request = request;
  }

  succeed(result: KvResult): void {
    if (typeof result === "number") {
      if (result >= 0) {
        this.#request.reply(encodeRevision, result);
      } else {
        refuse(this.#request, result as Refusal);
      }
    } else if ("isSwapped" in result) {
      this.#request.reply(encodeCasReply, result);
    } else {
      this.#request.reply(encodeBatchPutReply, result);
    }
  }

  fail(error: RaftError): void {
    failRequest(this.#request, error);
  }
}
