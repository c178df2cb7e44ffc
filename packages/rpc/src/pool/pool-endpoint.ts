import { Status } from "../status.ts";
import type { RpcClient } from "../client.ts";
import type { RpcError } from "../errors.ts";
import type { Address } from "../options.ts";

export interface HealthOptions {
  /** Calls without a useful answer in a row before the endpoint is left out. */
  readonly unhealthyAfter: number;
  /** How long it is left out, in milliseconds; then one call tries it again. */
  readonly unhealthyMs: number;
}

/** One server of a pool, as its calls have found it. */
export class PoolEndpoint {
  readonly address: Address;
  readonly client: RpcClient;
  readonly #options: HealthOptions;
  #failures = 0;
  /** Of performance.now(); 0 while it is healthy. */
  #leftOutUntilMs = 0;

  constructor(address: Address, client: RpcClient, options: HealthOptions) {
    this.address = address;
    this.client = client;
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.client.isConnected;
  }

  /** False while it is left out because it is connected but does not serve. */
  get isHealthy(): boolean {
    return this.#leftOutUntilMs === 0;
  }

  /** Whether a call may go here. When its time out is over, one failure more leaves it out again. */
  mayTake(): boolean {
    if (!this.client.isConnected) {
      return false;
    }
    if (this.#leftOutUntilMs !== 0) {
      if (performance.now() < this.#leftOutUntilMs) {
        return false;
      }
      this.#leftOutUntilMs = 0;
    }
    return true;
  }

  onReply(): void {
    this.#failures = 0;
    this.#leftOutUntilMs = 0;
  }

  onFail(error: RpcError): void {
    if (!isUseless(error)) {
      // The connection's own end is told by isConnected; a refusal that makes sense is an answer.
      if (error.code === "DT_RPC_REMOTE") {
        this.onReply();
      }
      return;
    }
    const { unhealthyAfter, unhealthyMs } = this.#options;
    this.#failures = Math.min(this.#failures + 1, unhealthyAfter);
    if (this.#failures === unhealthyAfter) {
      this.#leftOutUntilMs = performance.now() + unhealthyMs;
    }
  }
}

/** The server is there and does not serve. */
function isUseless({ code, status, mayHaveExecuted }: RpcError): boolean {
  return (
    // One that was never sent had no time, which says nothing about the server.
    (code === "DT_RPC_TIMEOUT" && mayHaveExecuted) ||
    code === "DT_RPC_STOPPING" ||
    (code === "DT_RPC_REMOTE" && (status === Status.notReady || status === Status.stopping))
  );
}
