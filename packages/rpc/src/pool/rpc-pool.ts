import { PromiseCall } from "../call-completion.ts";
import { RpcClient } from "../client.ts";
import { drainTime } from "../drain-time.ts";
import { RpcError, withoutStack } from "../errors.ts";
import { describeAddress } from "../options.ts";
import { PoolCall } from "./pool-call.ts";
import { PoolEndpoint } from "./pool-endpoint.ts";
import type { CallCompletion, Decode, Encode } from "../call-completion.ts";
import type { ClientDeps } from "../client.ts";
import type { CallParent } from "../call-parent.ts";
import type { Connection } from "../connection.ts";
import type { CloseOptions } from "../lifecycle.ts";
import type { Address, ClientOptions } from "../options.ts";
import type { ClientTls } from "../tls/tls-options.ts";
import type { PoolRouter } from "./pool-call.ts";

export interface PoolOptions extends Omit<ClientOptions, "address"> {
  /** Servers that serve alike; 1 to 1024, each once. */
  addresses: readonly Address[];
  /**
   * Calls in a row that time out, or are refused because the server is not ready or stopping, before
   * an endpoint is left out; 1 to 2^20. Default 5.
   */
  unhealthyAfter?: number;
  /** How long an endpoint is left out, in milliseconds; 1 or more. Default 1000. */
  unhealthyMs?: number;
}

const MAX_ENDPOINTS = 1024;
const MAX_COUNT = 2 ** 20;
const MAX_MS = 2 ** 31 - 1;

/**
 * Several servers that serve alike, one connection to each. Calls go round among those that are
 * connected and serve. A call that no server has taken goes on to the next one; one that may have been
 * executed is never repeated. It is a channel for `createClient`, too.
 */
export class RpcPool implements PoolRouter {
  readonly endpoints: readonly PoolEndpoint[];
  readonly #name: string;
  /** Where the next call starts to look. */
  #next = 0;
  #isClosed = false;

  /** Throws DT_RPC_OPTIONS. */
  constructor(options: PoolOptions, deps: ClientDeps = {}) {
    const { addresses, unhealthyAfter = 5, unhealthyMs = 1000, ...clientOptions } = options;
    checkOptions(addresses, unhealthyAfter, unhealthyMs);
    const health = { unhealthyAfter, unhealthyMs };
    this.endpoints = addresses.map(
      (address) =>
        new PoolEndpoint(address, new RpcClient({ ...clientOptions, address }, deps), health),
    );
    this.#name = addresses.map(describeAddress).join(", ");
  }

  get isConnected(): boolean {
    return this.endpoints.some((endpoint) => endpoint.isConnected);
  }

  /** The connection of the next endpoint in turn, for one call or stream; null when there is none. */
  get connection(): Connection | null {
    return this.#pick()?.client.connection ?? null;
  }

  /**
   * Resolves when one endpoint is connected; attempts at the others go on. Rejects with the last error
   * when the next attempt has failed at all of them.
   */
  async connect(): Promise<void> {
    let last: unknown = null;
    const attempts = this.endpoints.map(({ client }) =>
      client.connect().catch((error: unknown) => {
        last = error;
        throw error;
      }),
    );
    try {
      await Promise.any(attempts);
    } catch {
      throw last;
    }
  }

  /** Called for each new connection, before anything the peer sends on it is handled. */
  onConnect(listener: (connection: Connection, address: Address) => void): void {
    for (const { client, address } of this.endpoints) {
      client.onConnect((connection) => listener(connection, address));
    }
  }

  /** Called when a connection takes no new calls any more; null when a side left in good order. */
  onDisconnect(listener: (error: RpcError | null, address: Address) => void): void {
    for (const { client, address } of this.endpoints) {
      client.onDisconnect((error) => listener(error, address));
    }
  }

  /** As `RpcClient.reloadTls`, for every endpoint. */
  reloadTls(tls: ClientTls): void {
    for (const { client } of this.endpoints) {
      client.reloadTls(tls);
    }
  }

  /** As `RpcClient.call`; rejects with DT_RPC_NOT_CONNECTED while no endpoint is connected. */
  call<A, T>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    parent: CallParent | null = null,
  ): Promise<T> {
    const completion = new PromiseCall(decode);
    this.start(command, groupId, timeoutMs, encode, argument, completion, parent);
    return completion.promise;
  }

  /** As `call`, without a promise. `encode` may be called once for each endpoint that is tried. */
  start<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    parent: CallParent | null = null,
  ): void {
    const tries = this.endpoints.length;
    const write = encode as Encode<unknown>;
    this.route(
      new PoolCall(this, command, groupId, timeoutMs, write, argument, completion, parent, tries),
    );
  }

  /** As `Connection.oneWay` at the next endpoint in turn; false while none is connected. */
  oneWay<A>(command: number, groupId: number, encode: Encode<A>, argument: A): boolean {
    const endpoint = this.#pick();
    return endpoint !== null && endpoint.client.oneWay(command, groupId, encode, argument);
  }

  /** For the calls of the pool itself. */
  route(call: PoolCall): void {
    const endpoint = this.#isClosed ? null : this.#pick();
    if (endpoint === null) {
      call.triesLeft = 0;
      call.endpoint = null;
      call.onFail(withoutStack({ code: "DT_RPC_NOT_CONNECTED", address: this.#name }));
      return;
    }
    call.endpoint = endpoint;
    const isFirst = call.triesLeft === this.endpoints.length;
    call.triesLeft--;
    const { command, groupId, timeoutMs, deadlineMs, encode, argument, parent } = call;
    // 0 would mean no deadline.
    const leftMs = isFirst || deadlineMs === 0 ? timeoutMs : deadlineMs - performance.now() || -1;
    endpoint.client.start(command, groupId, leftMs, encode, argument, call, parent);
  }

  /** As `RpcClient.close`, for all endpoints. */
  async close(options: CloseOptions = {}): Promise<void> {
    const drainMs = drainTime(options.drainMs ?? 0);
    this.#isClosed = true;
    await Promise.all(this.endpoints.map(({ client }) => client.close({ drainMs })));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One that is left out is better than none. */
  #pick(): PoolEndpoint | null {
    const { endpoints } = this;
    let lastResort: PoolEndpoint | null = null;
    for (let step = 0; step < endpoints.length; step++) {
      const endpoint = endpoints[(this.#next + step) % endpoints.length];
      if (endpoint !== undefined && endpoint.mayTake()) {
        this.#next = (this.#next + step + 1) % endpoints.length;
        return endpoint;
      }
      if (lastResort === null && endpoint?.isConnected === true) {
        lastResort = endpoint;
      }
    }
    this.#next = (this.#next + 1) % endpoints.length;
    return lastResort;
  }
}

function checkOptions(
  addresses: readonly Address[],
  unhealthyAfter: number,
  unhealthyMs: number,
): void {
  const problems: string[] = [];
  if (!Array.isArray(addresses) || addresses.length === 0 || addresses.length > MAX_ENDPOINTS) {
    problems.push(`addresses: not a list of 1 to ${MAX_ENDPOINTS}`);
  } else if (new Set(addresses.map(describeAddress)).size < addresses.length) {
    problems.push("addresses: one of them is there twice");
  }
  if (!isWithin(unhealthyAfter, MAX_COUNT)) {
    problems.push(`unhealthyAfter: ${unhealthyAfter} is not an integer within 1..${MAX_COUNT}`);
  }
  if (!isWithin(unhealthyMs, MAX_MS)) {
    problems.push(`unhealthyMs: ${unhealthyMs} is not an integer within 1..${MAX_MS}`);
  }
  if (problems.length > 0) {
    throw new RpcError({ code: "DT_RPC_OPTIONS", problems });
  }
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}
