import type { Command } from "commander";
import { Option } from "commander";
import type { CliContext } from "../cli-context.ts";
import { CliExit } from "../exit-code.ts";
import { formatJson, formatTable } from "../output.ts";
import { print } from "../terminal.ts";
import { viewCluster } from "./cluster-view.ts";
import type { ClusterView, NodeView } from "./cluster-view.ts";
import { withClient, withConnectOptions } from "./connect.ts";
import type { ConnectOptions } from "./connect.ts";
import { registerMemberCommands } from "./members-command.ts";
import { registerSnapshotCommand } from "./snapshot-command.ts";

const STATUS_TIMEOUT_MS = 2000;

interface StatusOptions extends ConnectOptions {
  readonly output: "table" | "json";
}

export function registerClusterCommands(program: Command, context: CliContext): void {
  const cluster = program
    .command("cluster")
    .description("look at the nodes of a cluster and change them");
  withConnectOptions(cluster.command("status"))
    .description("what every node says about itself; exits with 5 when nobody leads")
    .addOption(
      new Option("-o, --output <format>", "how to print")
        .choices(["table", "json"])
        .default("table"),
    )
    .action((options: StatusOptions) => showStatus(context, options));
  registerSnapshotCommand(cluster, context);
  registerMemberCommands(cluster, context);
}

async function showStatus(context: CliContext, options: StatusOptions): Promise<void> {
  const timeoutMs = Math.min(options.timeout, STATUS_TIMEOUT_MS);
  const view = await withClient(context, options, (client, { addresses }) =>
    viewCluster(client, addresses, timeoutMs),
  );
  const { stdout, stderr } = context.terminal;
  await print(stdout, options.output === "json" ? formatJson(view) : formatStatus(view));
  if (view.leader === null) {
    const reachable = view.nodes.filter((node) => node.isReachable).length;
    await print(stderr, `dt: no leader; ${reachable} of ${view.nodes.length} nodes answer\n`);
    context.exitCode = CliExit.unavailable;
  }
}

const HEAD = ["node", "address", "role", "term", "commit", "applied", "last", "leader"];

function formatStatus({ nodes }: ClusterView): string {
  return formatTable(HEAD, nodes.map(row));
}

function row(node: NodeView): (string | number)[] {
  if (!node.isReachable) {
    return ["-", node.address, `unreachable: ${node.reason}`, "-", "-", "-", "-", "-"];
  }
  const { nodeId, address, role, term, commitIndex, appliedIndex, lastIndex, leaderId } = node;
  const state = node.stoppedCode === "" ? role : `stopped: ${node.stoppedCode}`;
  return [nodeId, address, state, term, commitIndex, appliedIndex, lastIndex, leaderId || "-"];
}
