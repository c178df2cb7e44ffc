import { Backoff } from "./backoff.ts";
import { PromiseCall } from "./call-completion.ts";
import { CommandTable } from "./command-table.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { processWheel } from "./deadline-wheel.ts";
import { Dial } from "./dial.ts";
import { drainTime } from "./drain-time.ts";
import { ErrorLog } from "./error-log.ts";
import { RpcError, withoutStack } from "./errors.ts";
import { GroupDispatcher } from "./group-dispatcher.ts";
import { acceptEveryone } from "./handshake.ts";
import { callChain } from "./interceptor/call-chain.ts";
import { requestChain } from "./interceptor/request-chain.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { describeAddress, resolveClientOptions } from "./options.ts";
import { Status } from "./status.ts";
import { clientContext } from "./tls/tls-options.ts";
import { Outcome } from "./outcome.ts";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { CallCompletion, Decode, Encode } from "./call-completion.ts";
import type { CallParent } from "./call-parent.ts";
import type { CloseOptions } from "./lifecycle.ts";
import type { OnHandshake } from "./handshake.ts";
import type { CallChain } from "./interceptor/call-chain.ts";
import type { Interceptor } from "./interceptor/interceptor.ts";
import type { RequestChain } from "./interceptor/request-chain.ts";
import type { Logger } from "./logger.ts";
import type { ClientOptions, ResolvedClientOptions } from "./options.ts";
import type { PeerInfo } from "./peer.ts";
import type { ClientTls } from "./tls/tls-options.ts";

export interface ClientDeps {
  readonly logger?: Logger;
  /** What sees the requests and calls of every connection. Default: nothing. */
  readonly interceptors?: readonly Interceptor[];
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
 * Keeps one connection to one address, and connects again whenever it is lost, until `close`.
 * Handlers registered on `commands` and `groups` serve what the other side sends.
 */
export class RpcClient {
  readonly commands: CommandTable = new CommandTable();
  readonly groups: GroupDispatcher = new GroupDispatcher();
  readonly counters: Counters = new Counters();
  readonly #options: ResolvedClientOptions;
  readonly #logger: Logger;
  readonly #onHandshake: OnHandshake;
  readonly #requestChain: RequestChain | null;
  readonly #callChain: CallChain | null;
  readonly #outcome: Outcome;
  readonly #backoff: Backoff;
  readonly #address: string;
  readonly #connectListeners: ((connection: Connection) => void)[] = [];
  readonly #disconnectListeners: ((error: RpcError | null) => void)[] = [];
  readonly #failureListeners: ((error: RpcError) => void)[] = [];
  /** The connection in use and those whose peer has said goodbye. */
  readonly #connections = new Set<Connection>();
  #connection: Connection | null = null;
  /** Null without TLS. */
  #secureContext: SecureContext | null;
  #dial: Dial | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #waiters: Waiter[] = [];
  #onDialEnded: (() => void) | null = null;
  /** Why it makes no sense to try again soon; null when it does. */
  #refusal: RpcError | null = null;
  #isStarted = false;
  #isClosed = false;
  /** Set once `close` was called. */
  #closing: Promise<void> | null = null;

  constructor(options: ClientOptions, deps: ClientDeps = {}) {
    this.#options = resolveClientOptions(options);
    this.#logger = deps.logger ?? SILENT_LOGGER;
    this.#onHandshake = deps.onHandshake ?? acceptEveryone;
    const errorLog = new ErrorLog(this.#logger);
    this.#requestChain = requestChain(deps.interceptors ?? [], this.counters, errorLog);
    this.#callChain = callChain(deps.interceptors ?? [], this.counters, errorLog);
    this.#outcome = new Outcome(this.counters, errorLog);
    const { reconnectMinMs, reconnectMaxMs, address } = this.#options;
    this.#backoff = new Backoff(reconnectMinMs, reconnectMaxMs, deps.random ?? Math.random);
    this.#address = describeAddress(address);
    const { tls } = this.#options;
    this.#secureContext = tls === null ? null : clientContext(tls, []);
  }

  get isConnected(): boolean {
    return this.#connection !== null && this.#connection.isOpen;
  }

  /** The connection in use; null while there is none. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /**
   * Resolves when connected. Rejects with the error of the next attempt that fails; attempts go on
   * all the same until `close`. After credentials or certificates were refused it rejects with that
   * at once, until the next attempt.
   */
  connect(): Promise<void> {
    if (this.#isClosed) {
      return Promise.reject(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
    }
    if (this.isConnected) {
      return Promise.resolve();
    }
    if (this.#refusal !== null && this.#retryTimer !== null) {
      return Promise.reject(this.#refusal);
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

  /** Called for each new connection, before anything the peer sends on it is handled. */
  onConnect(listener: (connection: Connection) => void): void {
    this.#connectListeners.push(listener);
  }

  /**
   * Called when the connection takes no new calls any more; null when one side left in good order.
   */
  onDisconnect(listener: (error: RpcError | null) => void): void {
    this.#disconnectListeners.push(listener);
  }

  /** Called for each attempt to connect that fails; the next one follows by itself. */
  onAttemptFailed(listener: (error: RpcError) => void): void {
    this.#failureListeners.push(listener);
  }

  /**
   * The next connection is made with these keys and certificates; `serverName` stays as it was. Throws
   * DT_RPC_OPTIONS, and then all stays as it was.
   */
  reloadTls(tls: ClientTls): void {
    const problems: string[] = [];
    const context = clientContext(tls, problems);
    if (this.#secureContext === null) {
      problems.push("tls: this client has none");
    }
    if (problems.length > 0) {
      throw new RpcError({ code: "DT_RPC_OPTIONS", problems });
    }
    this.#secureContext = context;
  }

  /** As `Connection.call`; rejects with DT_RPC_NOT_CONNECTED while there is no connection. */
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

  /** As `Connection.start`; fails with DT_RPC_NOT_CONNECTED while there is no connection. */
  start<A>(
    command: number,
    groupId: number,
    timeoutMs: number,
    encode: Encode<A>,
    argument: A,
    completion: CallCompletion,
    parent: CallParent | null = null,
  ): void {
    const connection = this.#connection;
    if (connection === null) {
      const fault = { code: "DT_RPC_NOT_CONNECTED", address: this.#address } as const;
      this.#outcome.fail(completion, withoutStack(fault));
      return;
    }
    connection.start(command, groupId, timeoutMs, encode, argument, completion, parent);
  }

  /** As `Connection.oneWay`; false while there is no connection. */
  oneWay<A>(command: number, groupId: number, encode: Encode<A>, argument: A): boolean {
    return this.#connection !== null && this.#connection.oneWay(command, groupId, encode, argument);
  }

  /** Closes for good. Calls that are under way after `drainMs` fail with DT_RPC_CLOSED. Throws a RangeError for NaN. */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closing === null) {
      const drainMs = drainTime(options.drainMs ?? 0);
      this.#isClosed = true;
      this.#closing = this.#close({ drainMs });
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    if (this.#retryTimer !== null) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = null;
    }
    this.#settle(new RpcError({ code: "DT_RPC_CLOSED", wasSent: false }));
    const dial = this.#dial;
    if (dial !== null) {
      await new Promise<void>((resolve) => {
        this.#onDialEnded = resolve;
        dial.abort();
      });
    }
    await Promise.all([...this.#connections].map((connection) => connection.close(options)));
  }

  #attempt(): void {
    this.#dial = new Dial({
      options: this.#options,
      onHandshake: this.#onHandshake,
      secureContext: this.#secureContext,
      onDone: (socket, peer) => this.#onPeer(socket, peer),
      onFailed: (error) => this.#onFailed(error),
    });
  }

  #onPeer(socket: Socket, peer: PeerInfo): void {
    this.#dial = null;
    if (this.#isClosed) {
      // By the judge of the handshake, who has let the peer in.
      socket.destroy();
      this.#onDialEnded?.();
      return;
    }
    this.#refusal = null;
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
      requestChain: this.#requestChain,
      callChain: this.#callChain,
      authorize: null,
      onLeaving: (leaving) => this.#onLost(leaving, null),
    });
    this.#connection = connection;
    this.#connections.add(connection);
    connection.onClose((error) => {
      this.#connections.delete(connection);
      this.#onLost(connection, error);
    });
    this.#settle(null);
    for (const listener of this.#connectListeners) {
      listener(connection);
    }
  }

  /**
   * The peer says goodbye, or the connection is gone; whichever comes first starts the next
   * attempt.
   */
  #onLost(connection: Connection, error: RpcError | null): void {
    if (this.#connection !== connection) {
      return;
    }
    this.#connection = null;
    this.#retry();
    for (const listener of this.#disconnectListeners) {
      listener(error);
    }
  }

  #onFailed(error: RpcError): void {
    this.#dial = null;
    this.counters.attemptsFailed++;
    this.#logger.debug({ err: error, address: this.#address }, "cannot connect");
    this.#refusal = isHopeless(error) ? error : null;
    if (this.#refusal !== null) {
      this.#backoff.skipToLongest();
    }
    this.#settle(error);
    this.#retry();
    this.#onDialEnded?.();
    for (const listener of this.#failureListeners) {
      listener(error);
    }
  }

  #retry(): void {
    if (!this.#isClosed) {
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = null;
        this.#attempt();
      }, this.#backoff.next());
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

/** Credentials and certificates that were refused once will be again, until somebody mends them. */
function isHopeless(error: RpcError): boolean {
  return (
    error.status === Status.unauthenticated ||
    error.status === Status.denied ||
    error.code === "DT_RPC_UNAUTHENTICATED" ||
    error.code === "DT_RPC_TLS"
  );
}
