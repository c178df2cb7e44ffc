import { KvError } from "@dt/kv";
import { RaftError } from "@dt/raft";
import { LogError, SnapshotError } from "@dt/raft-log-file";
import { RpcError } from "@dt/rpc";
import { ServerError } from "@dt/server";
import { CliError } from "./cli-error.ts";
import type { CliFault } from "./cli-error.ts";
import { CallFailure } from "./cluster/call-failure.ts";
import type { ClusterView } from "./cluster/cluster-view.ts";
import { CliExit } from "./exit-code.ts";

/** What a failed command tells its user. */
export interface Failure {
  readonly exitCode: CliExit;
  /** The first line names the code; the last ones say what to do. */
  readonly text: string;
}

/** Turns an error into a message for a person: the code, who leads, and what to do next. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CallFailure) {
    return describeCall(error.cause, describeView(error.view, error.from), error.isRead);
  }
  if (isCallError(error)) {
    return describeCall(error);
  }
  if (error instanceof CliError) {
    return { exitCode: exitOfCli(error.fault), text: join(error.message, ADVICE[error.code]) };
  }
  if (isLocal(error)) {
    return { exitCode: CliExit.failed, text: join(error.message, ADVICE[error.code]) };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { exitCode: CliExit.failed, text: `unexpected error: ${text}` };
}

function isLocal(error: unknown): error is ServerError | LogError | SnapshotError {
  return (
    error instanceof ServerError || error instanceof LogError || error instanceof SnapshotError
  );
}

/** `cluster` says who led right after the call, where that is known. */
function describeCall(error: unknown, cluster?: string, isRead: boolean = false): Failure {
  const { code, message } = nameCall(error);
  const exitCode = exitOfCall(error, code, isRead);
  const advice =
    exitCode === CliExit.outcomeUnknown ? UNKNOWN_ADVICE : (ADVICE[code] ?? ADVICE_OF_CALLS);
  return { exitCode, text: join(message, cluster, advice) };
}

/** An error of a call to the cluster, which says whether it may have been carried out. */
export function isCallError(error: unknown): error is KvError | RaftError | RpcError {
  return error instanceof KvError || error instanceof RaftError || error instanceof RpcError;
}

/** The code that the cluster gave, which for a refusal is inside of the error of the connection. */
function nameCall(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof RpcError && error.fault.code === "DT_RPC_REMOTE") {
    const { remoteCode, remoteMessage } = error.fault;
    const code = remoteCode ?? error.code;
    return {
      code,
      message: remoteMessage.startsWith(code) ? remoteMessage : `${code}: ${remoteMessage}`,
    };
  }
  if (error instanceof RaftError && error.cause instanceof RpcError) {
    return { code: error.code, message: `${error.message} (${nameCall(error.cause).message})` };
  }
  if (isCallError(error)) {
    return { code: error.code, message: error.message };
  }
  return { code: "", message: String(error) };
}

function exitOfCall(error: unknown, code: string, isRead: boolean): CliExit {
  if (!isRead && isCallError(error) && error.mayHaveExecuted) {
    return CliExit.outcomeUnknown;
  }
  return UNAVAILABLE.has(code) ? CliExit.unavailable : CliExit.failed;
}

function exitOfCli(fault: CliFault): CliExit {
  switch (fault.code) {
    case "DT_CLI_USAGE":
    case "DT_CLI_ENDPOINTS":
    case "DT_CLI_FILE":
    case "DT_CLI_TREE":
    case "DT_CLI_NO_DATA":
      return CliExit.usage;
    case "DT_CLI_NOT_FOUND":
      return CliExit.notFound;
    case "DT_CLI_COMPARE_FAILED":
      return CliExit.compareFailed;
    case "DT_CLI_IMPORT_BROKEN_OFF":
      return fault.mayBeMore ? CliExit.outcomeUnknown : CliExit.failed;
    default:
      return CliExit.failed;
  }
}

const UNAVAILABLE: ReadonlySet<string> = new Set([
  "DT_RAFT_NO_LEADER",
  "DT_RAFT_NOT_LEADER",
  "DT_RAFT_GROUP_STOPPED",
  "DT_RPC_CONNECT",
  "DT_RPC_CONNECT_TIMEOUT",
  "DT_RPC_NOT_CONNECTED",
  "DT_RPC_TIMEOUT",
  // Of what only reads.
  "DT_RAFT_OUTCOME_UNKNOWN",
]);

const UNKNOWN_ADVICE =
  "the write may have been carried out: read the key before you repeat it (dt kv get KEY)";
const ADVICE_OF_CALLS = "see the state of the cluster: dt cluster status";

/** What to do next, by code. */
const ADVICE: Readonly<Record<string, string>> = {
  DT_RAFT_NO_LEADER:
    "is the cluster running? Start one with dt dev, or name its nodes with --endpoints or DT_ENDPOINTS",
  DT_RAFT_NO_SPACE: "free space on the disk of the leader, then repeat the command",
  DT_RAFT_PROPOSALS_FULL: "the leader has too much to do: repeat the command later",
  DT_RAFT_READS_FULL: "the leader has too much to do: repeat the command later",
  DT_KV_IS_DIRECTORY: "list it with dt kv list KEY, or choose another key",
  DT_KV_NOT_DIRECTORY: "it is a value: dt kv get KEY",
  DT_KV_PARENT_IS_VALUE:
    "a key above it holds a value: delete that one first, or choose another key",
  DT_KV_NOT_EMPTY: "delete it with everything in it: dt kv del --recursive KEY",
  DT_KV_KEY_EMPTY_SEGMENT: "write the key without double, leading or trailing slashes",
  DT_KV_IS_ROOT: "the root cannot be written or deleted: name a key in it",
  DT_CLI_NOT_FOUND: "see which keys there are: dt kv list",
  DT_CLI_IS_DIRECTORY: "list it with dt kv list KEY",
  DT_CLI_COMPARE_FAILED: "read the key, decide again, and repeat: dt kv get -o json KEY",
  DT_CLI_IMPORT_BROKEN_OFF:
    "repeat the command, which stores the same again, when the cluster serves: dt cluster status",
  DT_CLI_NO_DATA: "name directories that hold a file `identity`, such as .dt-data/node-1/data",
  DT_LOG_IN_USE: "stop the node that uses the directory, then repeat the command",
  DT_SNAPSHOT_NOT_FOUND: "see which there are: dt snapshot list DIR",
  DT_SNAPSHOT_DAMAGED: "use another one: dt snapshot verify DIR",
  DT_CLI_CLUSTER_ENDED: "see why in the log files above",
  DT_SERVER_NODE_COUNT:
    "start it with the number of nodes that it has, or choose another directory with --data",
  DT_SERVER_RUNNING: "use that cluster, stop it first, or choose another directory with --data",
  DT_SERVER_CLUSTER_FILE: "repair the file, or choose another directory with --data",
  DT_SERVER_NO_PORT: "choose lower ports with --port",
};

function describeView({ nodes, leader }: ClusterView, from: string): string {
  const reachable = nodes.filter((node) => node.isReachable).length;
  const who = leader === null ? "none" : `node ${leader.nodeId} at ${leader.address}`;
  const reasons = new Set(nodes.flatMap((node) => (node.isReachable ? [] : [node.reason])));
  const why = reachable === 0 ? `: ${[...reasons].join(", ")}` : "";
  return `leader: ${who}; ${reachable} of ${nodes.length} nodes answer${why} (addresses from ${from})`;
}

function join(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("\n  ");
}
