// Hot path: per call of a pool.
import { Status } from "../status.ts";
import type { CallCompletion, Encode } from "../call-completion.ts";
import type { CallParent } from "../call-parent.ts";
import type { RpcError } from "../errors.ts";
import type { PoolEndpoint } from "./pool-endpoint.ts";

/** What a call needs of its pool. */
export interface PoolRouter {
  /** Sends it to an endpoint; fails it when there is none. */
  route(call: PoolCall): void;
}

/** One call of a pool, which may go to another endpoint as long as none has taken it. */
export class PoolCall implements CallCompletion {
  readonly command: number;
  readonly groupId: number;
  readonly timeoutMs: number;
  /** Of performance.now(); 0 for none. */
  readonly deadlineMs: number;
  readonly encode: Encode<unknown>;
  readonly argument: unknown;
  readonly completion: CallCompletion;
  readonly parent: CallParent | null;
  readonly #router: PoolRouter;
  endpoint: PoolEndpoint | null = null;
  /** Endpoints that may still be tried. */
  triesLeft: number;

  constructor(
    router: PoolRouter,
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<unknown>,
    argument: unknown,
    completion: CallCompletion,
    parent: CallParent | null,
    tries: number,
  ) {
    this.#router = router;
    this.command = command;
    this.groupId = groupId;
    this.timeoutMs = timeoutMs;
    this.deadlineMs = timeoutMs === 0 ? 0 : performance.now() + timeoutMs;
    this.encode = encode;
    this.argument = argument;
    this.completion = completion;
    this.parent = parent;
    this.triesLeft = tries;
  }

  onReply(body: Buffer, start: number, end: number): void {
    this.endpoint?.onReply();
    this.completion.onReply(body, start, end);
  }

  onFail(error: RpcError): void {
    this.endpoint?.onFail(error);
    if (this.triesLeft > 0 && wasNotTaken(error) && !this.#isLate()) {
      this.#router.route(this);
    } else {
      this.completion.onFail(error);
    }
  }

  #isLate(): boolean {
    return this.deadlineMs !== 0 && performance.now() >= this.deadlineMs;
  }
}

/** Nothing was sent, or the server was stopping and says that it has not looked at it. */
function wasNotTaken(error: RpcError): boolean {
  if (error.mayHaveExecuted) {
    return false;
  }
  const { code, status } = error;
  return (
    code === "DT_RPC_NOT_CONNECTED" ||
    code === "DT_RPC_STOPPING" ||
    code === "DT_RPC_CONNECTION_LOST" ||
    code === "DT_RPC_FLOW_CONTROL" ||
    (code === "DT_RPC_REMOTE" && status === Status.stopping)
  );
}
