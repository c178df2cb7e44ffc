import { createServer } from "node:net";
import { CommandTable } from "./command-table.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { processWheel } from "./deadline-wheel.ts";
import { ErrorLog } from "./error-log.ts";
import { GroupDispatcher } from "./group-dispatcher.ts";
import { encodeRefusal } from "./handshake-frame.ts";
import { acceptEveryone, acceptHandshake } from "./handshake.ts";
import { LINGER_MS, closeWith } from "./last-words.ts";
import { callChain } from "./interceptor/call-chain.ts";
import { requestChain } from "./interceptor/request-chain.ts";
import { SILENT_LOGGER } from "./logger.ts";
import { describeAddress, resolveServerOptions } from "./options.ts";
import { addService } from "./service/add-service.ts";
import { listenError } from "./socket-error.ts";
import { Status } from "./status.ts";
import type { Server, Socket } from "node:net";
import type { ConnectionRefusalCode } from "./answer-code.ts";
import type { CloseOptions } from "./connection.ts";
import type { Handshake, OnHandshake } from "./handshake.ts";
import type { CallChain } from "./interceptor/call-chain.ts";
import type { Interceptor } from "./interceptor/interceptor.ts";
import type { RequestChain } from "./interceptor/request-chain.ts";
import type { Logger } from "./logger.ts";
import type { Address, ResolvedServerOptions, ServerOptions } from "./options.ts";
import type { ServiceOptions } from "./service/add-service.ts";
import type { ServiceDefinition } from "./service/service-definition.ts";
import type { ServiceImplementation } from "./service/service-implementation.ts";
import type { PeerInfo, Refusal } from "./peer.ts";

export interface ServerDeps {
  readonly logger?: Logger;
  /** What sees the requests and calls of every connection. Default: nothing. */
  readonly interceptors?: readonly Interceptor[];
  /** Judges each peer after it has introduced itself. Default: all are accepted. */
  readonly onHandshake?: OnHandshake;
}

export type ConnectionListener = (connection: Connection) => void;

const FULL: Refusal = {
  status: Status.flowControl,
  code: "DT_RPC_TOO_MANY_CONNECTIONS" satisfies ConnectionRefusalCode,
  message: "the server has as many connections as it takes",
};
const TOO_MANY_HANDSHAKES: Refusal = {
  status: Status.flowControl,
  code: "DT_RPC_TOO_MANY_HANDSHAKES" satisfies ConnectionRefusalCode,
  message: "given up for a newer one, because too many handshakes are under way",
};
const STOPPING: Refusal = {
  status: Status.stopping,
  code: "DT_RPC_STOPPING" satisfies ConnectionRefusalCode,
  message: "the server is stopping",
};

/** The peer of a refused connection has no one here to tell about its errors. */
function ignore(): void {}

/** Accepts connections and serves the commands and groups registered on it. */
export class RpcServer {
  /** Handlers of group 0. */
  readonly commands: CommandTable = new CommandTable();
  readonly groups: GroupDispatcher = new GroupDispatcher();
  readonly counters: Counters = new Counters();
  readonly #options: ResolvedServerOptions;
  readonly #logger: Logger;
  readonly #onHandshake: OnHandshake;
  readonly #requestChain: RequestChain | null;
  readonly #callChain: CallChain | null;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** The handshakes under way, by their sockets, the oldest first. */
  readonly #arriving = new Map<Socket, Handshake>();
  readonly #listeners: ConnectionListener[] = [];
  /** Set once `close` was called. */
  #closing: Promise<void> | null = null;

  constructor(options: ServerOptions = {}, deps: ServerDeps = {}) {
    this.#options = resolveServerOptions(options);
    this.#logger = deps.logger ?? SILENT_LOGGER;
    this.#onHandshake = deps.onHandshake ?? acceptEveryone;
    const errorLog = new ErrorLog(this.#logger);
    this.#requestChain = requestChain(deps.interceptors ?? [], this.counters, errorLog);
    this.#callChain = callChain(deps.interceptors ?? [], this.counters, errorLog);
    this.#server = createServer({ noDelay: true }, this.#onSocket);
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

  /**
   * Starts to accept. Port 0 lets the system choose. Resolves with the address in use; rejects with
   * DT_RPC_LISTEN. A server listens once.
   */
  listen(address: Address): Promise<Address> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => {
        reject(listenError(describeAddress(address), error));
      };
      server.once("error", onError);
      server.listen({ ...address }, () => {
        server.off("error", onError);
        server.on("error", this.#onServerError);
        const bound = server.address();
        resolve(
          bound !== null && typeof bound === "object"
            ? { host: bound.address, port: bound.port }
            : address,
        );
      });
    });
  }

  /**
   * Stops accepting, tells the peers, waits up to `drainMs` for what is under way and closes all
   * connections. Default 0: calls under way fail.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#arriving.keys()) {
      socket.destroy();
    }
    await Promise.all([...this.#connections].map((connection) => connection.close(options)));
    await stopped;
  }

  readonly #onServerError = (error: Error): void => {
    this.#logger.error({ err: error }, "the listening socket failed");
  };

  readonly #onSocket = (socket: Socket): void => {
    const count = this.#connections.size + this.#arriving.size;
    const isClosing = this.#closing !== null;
    if (isClosing || count >= this.#options.maxConnections) {
      this.counters.handshakesFailed++;
      socket.on("error", ignore);
      closeWith(socket, encodeRefusal(0, isClosing ? STOPPING : FULL), LINGER_MS);
      return;
    }
    if (this.#arriving.size >= this.#options.maxHandshakes) {
      const [oldest] = this.#arriving.values();
      oldest?.giveUp(TOO_MANY_HANDSHAKES);
    }
    const handshake = acceptHandshake({
      socket,
      options: this.#options,
      onHandshake: this.#onHandshake,
      onDone: (peer) => this.#onPeer(socket, peer),
      onFailed: (error) => {
        this.#arriving.delete(socket);
        this.counters.handshakesFailed++;
        this.#logger.warn({ err: error }, "a handshake failed");
      },
    });
    this.#arriving.set(socket, handshake);
  };

  #onPeer(socket: Socket, peer: PeerInfo): void {
    this.#arriving.delete(socket);
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
