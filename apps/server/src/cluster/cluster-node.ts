import { join } from "node:path";
import type { HostPort } from "../address.ts";
import type { NodeExit } from "../server-error.ts";
import { NodeProcess } from "./node-process.ts";

export interface ClusterNodeOptions {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  /** The node's own part of the cluster's directory. */
  readonly directory: string;
  readonly nodeFlags: readonly string[];
  readonly program?: string | undefined;
  readonly onExit: (node: ClusterNode, exit: NodeExit) => void;
}

/** One node of a local cluster, whose process can be ended and started again. */
export class ClusterNode implements HostPort {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly configFile: string;
  readonly logFile: string;
  /** What `dt log` reads. */
  readonly dataDir: string;
  readonly #nodeFlags: readonly string[];
  readonly #program: string | undefined;
  readonly #onExit: (node: ClusterNode, exit: NodeExit) => void;
  #process: NodeProcess | null = null;

  constructor(options: ClusterNodeOptions) {
    const { directory } = options;
    this.nodeId = options.nodeId;
    this.host = options.host;
    this.port = options.port;
    this.configFile = join(directory, "server.yaml");
    this.logFile = join(directory, "server.log");
    this.dataDir = join(directory, "data");
    this.#nodeFlags = options.nodeFlags;
    this.#program = options.program;
    this.#onExit = options.onExit;
  }

  get isRunning(): boolean {
    return this.#process !== null && this.#process.isRunning;
  }

  /** Process id; 0 when the node has never been started. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Resolves when the process that was started last has ended; null when there was none. */
  get exited(): Promise<NodeExit> | null {
    return this.#process?.exited ?? null;
  }

  /** Rejects with DT_SERVER_NODE_EXITED when the process that runs now has ended; until then it waits. */
  untilExited(): Promise<never> {
    return this.#process?.untilExited() ?? Promise.reject(new Error("the node was never started"));
  }

  /** Starts the process unless it runs; resolves when it listens. Rejects with DT_SERVER_NODE_EXITED. */
  async start(): Promise<void> {
    if (this.isRunning) {
      return;
    }
    const started = new NodeProcess({
      nodeId: this.nodeId,
      configFile: this.configFile,
      logFile: this.logFile,
      nodeFlags: this.#nodeFlags,
      ...(this.#program === undefined ? {} : { program: this.#program }),
    });
    this.#process = started;
    void started.exited.then((exit) => this.#onExit(this, exit));
    await started.listening;
  }

  /** Gives the running process a message. */
  send(message: object): void {
    this.#process?.send(message);
  }

  /** Sends a signal and waits until the process has ended. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<NodeExit | null> {
    return this.#process === null ? null : this.#process.kill(signal);
  }

  /** Stops the process gracefully, and after `timeoutMs` by force. */
  async stop(timeoutMs: number): Promise<NodeExit | null> {
    return this.#process === null ? null : this.#process.stop(timeoutMs);
  }

  /** Ends the process, if it runs, with `signal` and starts it again. */
  async restart(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.isRunning) {
      await this.kill(signal);
    }
    await this.start();
  }
}
