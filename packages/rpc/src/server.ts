import { Arrivals } from "./arrivals.ts";
import { CommandTable } from "./command-table.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { processWheel } from "./deadline-wheel.ts";
import { drainTime } from "./drain-time.ts";
import { ErrorLog } from "./error-log.ts";
import { GroupDispatcher } from "./group-dispatcher.ts";
import { acceptEveryone } from "./handshake.ts";
import { callChain } from "./interceptor/call-chain.ts";
import { requestChain } from "./interceptor/request-chain.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { resolveServerOptions } from "./options.ts";
import { addService } from "./service/add-service.ts";
import { Listener } from "./listener.ts";
import type { Socket } from "node:net";
import type { CloseOptions } from "./lifecycle.ts";
import type { OnHandshake } from "./handshake.ts";
import type { CallChain } from "./interceptor/call-chain.ts";
import type { Interceptor } from "./interceptor/interceptor.ts";
import type { RequestChain } from "./interceptor/request-chain.ts";
import type { Logger } from "./logger.ts";
import type { Address, ResolvedServerOptions, ServerOptions } from "./options.ts";
import type { ServiceOptions } from "./service/add-service.ts";
import type { ServiceDefinition } from "./service/service-definition.ts";
import type { ServiceImplementation } from "./service/service-implementation.ts";
import type { RpcError } from "./errors.ts";
import type { PeerInfo } from "./peer.ts";
import type { ServerTls } from "./tls/tls-options.ts";

export interface ServerDeps {
  readonly logger?: Logger;
  /** What sees the requests and calls of every connection. Default: nothing. */
  readonly interceptors?: readonly Interceptor[];
  /** Judges each peer after it has introduced itself. Default: all are accepted. */
  readonly onHandshake?: OnHandshake;
}

export type ConnectionListener = (connection: Connection) => void;

/** Accepts connections and serves the commands and groups registered on it. */
export class RpcServer {
  /** Handlers of group 0. */
  readonly commands: CommandTable = new CommandTable();
  readonly groups: GroupDispatcher = new GroupDispatcher();
  readonly counters: Counters = new Counters();
  readonly #options: ResolvedServerOptions;
  readonly #logger: Logger;
  readonly #requestChain: RequestChain | null;
  readonly #callChain: CallChain | null;
  readonly #arrivals: Arrivals;
  readonly #listener: Listener;
  readonly #connections = new Set<Connection>();
  readonly #listeners: ConnectionListener[] = [];
  readonly #refusalListeners: ((error: RpcError) => void)[] = [];
  /** Set once `close` was called. */
  #closing: Promise<void> | null = null;

  constructor(options: ServerOptions = {}, deps: ServerDeps = {}) {
    this.#options = resolveServerOptions(options);
    this.#logger = deps.logger ?? SILENT_LOGGER;
    const errorLog = new ErrorLog(this.#logger);
    this.#requestChain = requestChain(deps.interceptors ?? [], this.counters, errorLog);
    this.#callChain = callChain(deps.interceptors ?? [], this.counters, errorLog);
    this.#arrivals = new Arrivals({
      options: this.#options,
      onHandshake: deps.onHandshake ?? acceptEveryone,
      onPeer: (socket, peer) => this.#onPeer(socket, peer),
      onFailed: (error) => this.#onFailed(error),
    });
    this.#listener = new Listener(this.#arrivals.take, this.#logger);
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Called for each connection when its handshake is through, before any of its requests. */
  onConnection(listener: ConnectionListener): void {
    this.#listeners.push(listener);
  }

  /** Serves a typed service in group 0; `addService` does it in other tables. */
  addService<D extends ServiceDefinition>(
    definition: D,
    implementation: ServiceImplementation<D>,
    options: ServiceOptions<D> = {},
  ): void {
    addService(this.commands, definition, implementation, options);
  }

  /** Called when a connection ends before its handshake is through, with the reason. */
  onRefused(listener: (error: RpcError) => void): void {
    this.#refusalListeners.push(listener);
  }

  /**
   * Starts to accept. Port 0 lets the system choose. A unix socket whose file nobody listens on is
   * taken over. Resolves with the address in use; rejects with DT_RPC_LISTEN, also
   * when it was closed meanwhile. A server listens once.
   */
  listen(address: Address): Promise<Address> {
    return this.#listener.listen(address);
  }

  /**
   * Serves a connection that something else has accepted, such as a listener shared with HTTP: a
   * socket that will give the bytes of the peer from the first one on, and that nothing else listens
   * to. With TLS nothing may have been read of it. `listen` is not needed for it.
   */
  accept(socket: Socket): void {
    this.#arrivals.take(socket);
  }

  /**
   * New connections get these keys and certificates; those there are keep theirs. Throws
   * DT_RPC_OPTIONS, and then all stays as it was.
   */
  reloadTls(tls: ServerTls): void {
    this.#arrivals.reloadTls(tls);
  }

  /**
   * Stops accepting, tells the peers, waits up to `drainMs` for what is under way and closes all
   * connections. Default 0: calls under way fail. Throws a RangeError for NaN.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close({ drainMs: drainTime(options.drainMs ?? 0) });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    const stopped = this.#listener.close();
    this.#arrivals.stop();
    await Promise.all([...this.#connections].map((connection) => connection.close(options)));
    this.#arrivals.destroy();
    await stopped;
  }

  #onFailed(error: RpcError): void {
    this.counters.handshakesFailed++;
    this.#logger.warn({ err: error }, "a handshake failed");
    for (const listener of this.#refusalListeners) {
      listener(error);
    }
  }

  #onPeer(socket: Socket, peer: PeerInfo): void {
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
      authorize: this.#options.authorize,
      onLeaving() {},
    });
    this.#connections.add(connection);
    connection.onClose(() => {
      this.#connections.delete(connection);
    });
    for (const listener of this.#listeners) {
      listener(connection);
    }
  }
}
