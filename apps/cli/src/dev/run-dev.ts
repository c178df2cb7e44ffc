import { relative, resolve } from "node:path";
import { describeExit, formatAddress, readClusterFile, startCluster } from "@dt/server";
import type { Cluster, ClusterNode, NodeExit } from "@dt/server";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { DEFAULT_BASE_PORT, DEFAULT_DATA_DIR } from "../endpoints.ts";
import { print } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";
import { StopSignal } from "./stop-signal.ts";

export interface DevOptions {
  readonly nodes?: number;
  readonly data: string;
  readonly port?: number;
}

/** Runs a local cluster until a signal comes or all of its processes have ended. */
export async function runDev({ terminal }: CliContext, options: DevOptions): Promise<void> {
  const directory = resolve(terminal.cwd, options.data);
  const stop = new StopSignal();
  const allEnded = Promise.withResolvers<void>();
  let cluster: Cluster | null = null;
  const onExit = (node: ClusterNode, exit: NodeExit): void => {
    if (cluster === null || stop.signal.aborted) {
      return;
    }
    terminal.stderr.write(describeEnd(terminal, node, exit));
    if (cluster.nodes.every((other) => !other.isRunning)) {
      allEnded.resolve();
    }
  };
  try {
    cluster = await startCluster({
      directory,
      signal: stop.signal,
      onExit,
      ...nodesAndPorts(directory, options),
    });
    await print(terminal.stdout, describeCluster(terminal, cluster, options));
    await Promise.race([stop.requested, allEnded.promise]);
    if (!stop.signal.aborted) {
      throw new CliError({ code: "DT_CLI_CLUSTER_ENDED" });
    }
    await print(terminal.stdout, "stopping\n");
  } catch (error) {
    // A start that was interrupted has failed as it was told to.
    if (!stop.signal.aborted) {
      throw error;
    }
  } finally {
    if (cluster !== null) {
      await stopCluster(cluster, stop);
    }
    stop.release();
  }
}

async function stopCluster(cluster: Cluster, stop: StopSignal): Promise<void> {
  const isStopped = cluster.close();
  const isForced = stop.insisted.then(() =>
    Promise.all(cluster.nodes.map((node) => node.kill("SIGKILL"))),
  );
  await Promise.race([isStopped, isForced]);
  await isStopped;
}

/** The ports of the last time, so that clients find the cluster again; else the usual ones. */
function nodesAndPorts(
  directory: string,
  { nodes, port }: DevOptions,
): { nodeCount?: number; basePort?: number } {
  const isNew = readClusterFile(directory) === null;
  return {
    ...(nodes === undefined ? {} : { nodeCount: nodes }),
    ...(port !== undefined || isNew ? { basePort: port ?? DEFAULT_BASE_PORT } : {}),
  };
}

function describeCluster(terminal: Terminal, cluster: Cluster, options: DevOptions): string {
  const nodes = cluster.nodes.map(
    (node) =>
      `node ${node.nodeId}  ${formatAddress(node)}  pid ${node.pid}  ${relative(terminal.cwd, node.logFile)}\n`,
  );
  const isDefault = options.data === DEFAULT_DATA_DIR;
  const where = isDefault ? "" : ` --endpoints ${cluster.endpoints}`;
  return `${nodes.join("")}
The cluster serves. Its data is in ${relative(terminal.cwd, cluster.directory) || "."}; Ctrl-C stops it. Try from another terminal:

  npx dt kv put app/db/host 10.0.0.5${where}
  npx dt kv get app/db/host${where}
  npx dt cluster status${where}

`;
}

function describeEnd(terminal: Terminal, node: ClusterNode, exit: NodeExit): string {
  const logFile = relative(terminal.cwd, node.logFile);
  const configFile = relative(terminal.cwd, node.configFile);
  return (
    `dt: node ${node.nodeId} ${describeExit(exit)}; the other nodes go on. See ${logFile}.\n` +
    `  To start it again: npx dt server --config ${configFile}\n`
  );
}
