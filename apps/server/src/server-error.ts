import type { ExitCode } from "./exit-code.ts";
import { describeExitCode } from "./exit-code.ts";

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** Where, such as `cluster.members[1].port`; empty for the whole document. */
  readonly path: string;
  readonly message: string;
}

/** How a process ended: `code` is null when a signal ended it. */
export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What went wrong, with the facts that belong to it. The README lists every code with what to do about it. */
export type ServerFault =
  /** A configuration cannot be used; every mistake that was found in it. */
  | {
      readonly code: "DT_SERVER_CONFIG";
      readonly source: string;
      readonly problems: readonly ConfigProblem[];
    }
  /** A node cannot start. `exitCode` is what its process ends with; the cause says why. */
  | { readonly code: "DT_SERVER_START"; readonly exitCode: ExitCode; readonly action: string }
  /** A node that was launched ended instead of serving. */
  | {
      readonly code: "DT_SERVER_NODE_EXITED";
      readonly nodeId: number;
      readonly exit: NodeExit;
      readonly logFile: string;
      /** The last lines that it wrote. */
      readonly lastWords: string;
    }
  /** Nodes that were launched do not serve in time. */
  | {
      readonly code: "DT_SERVER_NOT_SERVING";
      readonly timeoutMs: number;
      readonly addresses: readonly string[];
    }
  /** The directory holds a cluster of another size, and membership is fixed. */
  | {
      readonly code: "DT_SERVER_NODE_COUNT";
      readonly directory: string;
      readonly found: number;
      readonly wanted: number;
    }
  /** The cluster in the directory runs already. */
  | { readonly code: "DT_SERVER_RUNNING"; readonly directory: string; readonly address: string }
  /** The file that describes a cluster's directory makes no sense. */
  | { readonly code: "DT_SERVER_CLUSTER_FILE"; readonly file: string }
  /** No free port was found. */
  | { readonly code: "DT_SERVER_NO_PORT"; readonly host: string; readonly from: number };

/** Every error of this package. Match on `code`. */
export class ServerError extends Error {
  override readonly name = "ServerError" as const;
  readonly code: ServerFault["code"];
  readonly fault: ServerFault;

  constructor(fault: ServerFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault, options?.cause)}`, options);
    this.code = fault.code;
    this.fault = fault;
  }
}

export function describeExit({ code, signal }: NodeExit): string {
  return code === null
    ? `was ended by ${String(signal)}`
    : `ended with code ${code} (${describeExitCode(code)})`;
}

function describe(fault: ServerFault, cause: unknown): string {
  switch (fault.code) {
    case "DT_SERVER_CONFIG": {
      const lines = fault.problems.map(({ path, message }) =>
        path === "" ? message : `${path}: ${message}`,
      );
      return [`${fault.source} cannot be used:`, ...lines].join("\n  ");
    }
    case "DT_SERVER_START":
      return `${fault.action}: ${cause instanceof Error ? cause.message : String(cause)}`;
    case "DT_SERVER_NODE_EXITED":
      return `node ${fault.nodeId} ${describeExit(fault.exit)}, see ${fault.logFile}\n${fault.lastWords}`;
    case "DT_SERVER_NOT_SERVING":
      return `${fault.addresses.join(", ")} do not serve after ${fault.timeoutMs} ms`;
    case "DT_SERVER_NODE_COUNT":
      return `${fault.directory} holds a cluster of ${fault.found} nodes, not of ${fault.wanted}`;
    case "DT_SERVER_RUNNING":
      return `the cluster in ${fault.directory} runs already, a node of it answers at ${fault.address}`;
    case "DT_SERVER_CLUSTER_FILE":
      return `${fault.file} does not describe a cluster`;
    case "DT_SERVER_NO_PORT":
      return `no free port on ${fault.host} from ${fault.from} on`;
  }
}
