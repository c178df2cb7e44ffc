import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NODE_VARIABLES } from "../config/overrides.ts";
import { isServingMessage, LAUNCHED_VARIABLE } from "../launcher.ts";
import { ServerError } from "../server-error.ts";
import type { NodeExit } from "../server-error.ts";

const MAIN = fileURLToPath(new URL("../main.js", import.meta.url));
const LAST_WORDS_CHARACTERS = 2000;
const COMMAND_NOT_RUN = 127;

export interface NodeProcessOptions {
  readonly nodeId: number;
  readonly configFile: string;
  /** What the process prints is appended to this file. */
  readonly logFile: string;
  /** The program; it runs `runServer`. Default: this package's own. */
  readonly program?: string;
  /** Flags for Node itself, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
}

/**
 * A server process of its own. It stops by itself when this process ends, however that happens, and does not
 * get the signals of this process's terminal.
 */
export class NodeProcess {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<NodeExit>;
  /** Resolves when the process listens. Rejects with DT_SERVER_NODE_EXITED when it ends instead. */
  readonly listening: Promise<void>;
  readonly #child: ChildProcess;
  readonly #options: NodeProcessOptions;

  constructor(options: NodeProcessOptions) {
    const { configFile, logFile, nodeFlags = [], program = MAIN } = options;
    const log = openSync(logFile, "a");
    try {
      this.#child = spawn(process.execPath, [...nodeFlags, program, "--config", configFile], {
        stdio: ["ignore", log, log, "ipc"],
        env: environmentOf(process.env),
        detached: true,
      });
    } finally {
      closeSync(log);
    }
    this.pid = this.#child.pid ?? 0;
    this.exited = exitOf(this.#child);
    this.#options = options;
    this.listening = Promise.race([servingMessage(this.#child), this.untilExited()]);
    // Whoever waits for it gets the rejection; nobody has to.
    this.listening.catch(() => undefined);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Rejects with DT_SERVER_NODE_EXITED when the process has ended. */
  async untilExited(): Promise<never> {
    const { nodeId, logFile } = this.#options;
    const exit = await this.exited;
    const lastWords = readFileSync(logFile, "utf8").slice(-LAST_WORDS_CHARACTERS).trimEnd();
    throw new ServerError({ code: "DT_SERVER_NODE_EXITED", nodeId, exit, logFile, lastWords });
  }

  /** Gives the program a message; this package's own knows none. */
  send(message: object): void {
    this.#child.send(message);
  }

  /** Sends a signal; resolves when the process has ended. */
  kill(signal: NodeJS.Signals): Promise<NodeExit> {
    this.#child.kill(signal);
    return this.exited;
  }

  /** Asks the process to stop, and after `timeoutMs` ends it. */
  async stop(timeoutMs: number): Promise<NodeExit> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    const exit = await this.kill("SIGTERM");
    clearTimeout(timer);
    return exit;
  }
}

/** What this process has, but for what says which node it is: its configuration says so for each of the nodes. */
function environmentOf(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env = { ...own, [LAUNCHED_VARIABLE]: "1" };
  for (const name of NODE_VARIABLES) {
    Reflect.deleteProperty(env, name);
  }
  return env;
}

/** A program that cannot be run at all counts as one that ended at once. */
function exitOf(child: ChildProcess): Promise<NodeExit> {
  return new Promise((resolve) => {
    child.once("error", () => resolve({ code: COMMAND_NOT_RUN, signal: null }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

function servingMessage(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on("message", (message) => {
      if (isServingMessage(message)) {
        resolve();
      }
    });
  });
}
