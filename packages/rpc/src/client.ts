import { connect as connectSocket } from "node:net";
import { Backoff } from "./backoff.ts";
import { PromiseCall } from "./call-completion.ts";
import { CommandTable } from "./command-table.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { processWheel } from "./deadline-wheel.ts";
import { RpcError, withoutStack } from "./errors.ts";
import { GroupDispatcher } from "./group-dispatcher.ts";
import { offerHandshake } from "./handshake.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { describeAddress, resolveClientOptions } from "./options.ts";
import { fail } from "./outgoing-calls.ts";
import { acceptEveryone } from "./server.ts";
import { connectError } from "./socket-error.ts";
import type { Socket } from "node:net";
import type { CallCompletion, Decode, Encode } from "./call-completion.ts";
import type { OnHandshake } from "./handshake.ts";
import type { Logger } from "./logger.ts";
import type { ClientOptions, ResolvedClientOptions } from "./options.ts";
import type { PeerInfo } from "./peer.ts";

export interface ClientDeps {
  readonly logger?: Logger;
  /** Judges the peer after it has introduced itself. Default: it is accepted. */
  readonly onHandshake?: OnHandshake;
  /** A number within [0, 1), for the jitter of the pauses between attempts. Default Math.random. */
  readonly random?: () => number;
}

interface Waiter {
  resolve(): void;
  reject(error: RpcError): void;
}

/**
 * Keeps one connection to one address, and connects again whenever it is lost, until `close`. Handlers
 * registered on `commands` and `groups` serve what the other side sends.
 */
export class RpcClient {
  readonly commands: CommandTable = new CommandTable();
  readonly groups: GroupDispatcher = new GroupDispatcher();
  readonly counters: Counters = new Counters();
  readonly #options: ResolvedClientOptions;
  readonly #logger: Logger;
  readonly #onHandshake: OnHandshake;
  readonly #backoff: Backoff;
  readonly #address: string;
  readonly #connectListeners: ((connection: Connection) => void)[] = [];
  readonly #disconnectListeners: ((error: RpcError | null) => void)[] = [];
  #connection: Connection | null = null;
  #socket: Socket | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #waiters: Waiter[] = [];
  #isStarted = false;
  #isClosed = false;

  constructor(options: ClientOptions, deps: ClientDeps = {}) {
    this.#options = resolveClientOptions(options);
    this.#logger = deps.logger ?? SILENT_LOGGER;
    this.#onHandshake = deps.onHandshake ?? acceptEveryone;
    const { reconnectMinMs, reconnectMaxMs, address } = this.#options;
    this.#backoff = new Backoff(reconnectMinMs, reconnectMaxMs, deps.random ?? Math.random);
    this.#address = describeAddress(address);
  }

  get isConnected(): boolean {
    return this.#connection !== null && this.#connection.isOpen;
  }

  /** The connection in use; null while there is none. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /**
   * Resolves when connected. Rejects with the error of the next attempt that fails; attempts go on all the same
   * until `close`.
   */
  connect(): Promise<void> {
    if (this.#isClosed) {
      return Promise.reject(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
    }
    if (this.isConnected) {
      return Promise.resolve();
    }
    const promise = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#attempt();
    }
    return promise;
  }

  onConnect(listener: (connection: Connection) => void): void {
    this.#connectListeners.push(listener);
  }

  onDisconnect(listener: (error: RpcError | null) => void): void {
    this.#disconnectListeners.push(listener);
  }

  /** As `Connection.call`; rejects with DT_RPC_NOT_CONNECTED while there is no connection. */
  call<A, T>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
  ): Promise<T> {
    const completion = new PromiseCall(decode);
    this.start(command, groupId, timeoutMs, encode, argument, completion);
    return completion.promise;
  }

  start<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
  ): void {
    const connection = this.#connection;
    if (connection === null) {
      const fault = { code: "DT_RPC_NOT_CONNECTED", address: this.#address } as const;
      fail(completion, withoutStack(fault), this.counters);
      return;
    }
    connection.start(command, groupId, timeoutMs, encode, argument, completion);
  }

  oneWay<A>(command: number, groupId: number, encode: Encode<A>, argument: A): boolean {
    return this.#connection !== null && this.#connection.oneWay(command, groupId, encode, argument);
  }

  /** Closes for good, waiting up to `drainMs` for the calls under way. */
  async close(options: { readonly drainMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    if (this.#retryTimer !== null) {
      clearTimeout(this.#retryTimer);
    }
    this.#settle(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
    const connection = this.#connection;
    if (connection !== null) {
      await connection.close(options);
    } else if (this.#socket !== null) {
      this.#socket.destroy();
    }
  }

  #attempt(): void {
    const { address, connectTimeoutMs } = this.#options;
    const socket = connectSocket({ ...address, noDelay: true });
    this.#socket = socket;
    const timer = setTimeout(() => {
      const fault = { code: "DT_RPC_CONNECT_TIMEOUT", address: this.#address } as const;
      socket.destroy(new RpcError({ ...fault, timeoutMs: connectTimeoutMs }));
    }, connectTimeoutMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      this.#onFailed(error instanceof RpcError ? error : connectError(this.#address, error));
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      socket.off("error", onError);
      offerHandshake({
        socket,
        options: this.#options,
        onHandshake: this.#onHandshake,
        onDone: (peer, rest) => {
          clearTimeout(timer);
          this.#onPeer(socket, peer, rest);
        },
        onFailed: (error) => {
          clearTimeout(timer);
          this.counters.handshakesFailed++;
          this.#onFailed(error);
        },
      });
    });
  }

  #onPeer(socket: Socket, peer: PeerInfo, rest: Buffer): void {
    this.#socket = null;
    this.#backoff.reset();
    const connection = new Connection({
      socket,
      peer,
      commands: this.commands,
      groups: this.groups,
      options: this.#options,
      counters: this.counters,
      logger: this.#logger,
      wheel: processWheel,
    });
    this.#connection = connection;
    connection.goawayListener = () => this.#onLost(connection, null);
    connection.onClose((error) => this.#onLost(connection, error));
    this.#settle(null);
    for (const listener of this.#connectListeners) {
      listener(connection);
    }
    connection.begin(rest);
  }

  /** The peer says goodbye, or the connection is gone; whichever comes first starts the next attempt. */
  #onLost(connection: Connection, error: RpcError | null): void {
    if (this.#connection !== connection) {
      return;
    }
    this.#connection = null;
    for (const listener of this.#disconnectListeners) {
      listener(error);
    }
    this.#retry();
  }

  #onFailed(error: RpcError): void {
    this.#socket = null;
    this.#logger.debug({ err: error, address: this.#address }, "cannot connect");
    this.#settle(error);
    this.#retry();
  }

  #retry(): void {
    if (!this.#isClosed) {
      this.#retryTimer = setTimeout(() => this.#attempt(), this.#backoff.next());
    }
  }

  #settle(error: RpcError | null): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (error === null) {
        waiter.resolve();
      } else {
        waiter.reject(error);
      }
    }
  }
}
