import { formatAddress, KV_GROUP_ID } from "@dt/server";
import type { Command } from "commander";
import { Option } from "commander";
import type { CliContext } from "../cli-context.ts";
import { CliExit } from "../exit-code.ts";
import { formatJson, formatTable } from "../output.ts";
import { print } from "../terminal.ts";
import { withClient, withConnectOptions } from "./connect.ts";
import type { ConnectOptions } from "./connect.ts";

interface SnapshotOptions extends ConnectOptions {
  readonly output: "table" | "json";
}

/** What one node answered. */
interface Taken {
  readonly address: string;
  readonly index: number;
  readonly bytes: number;
  readonly id: string;
  /** Why there is none; empty when there is. */
  readonly reason: string;
}

export function registerSnapshotCommand(cluster: Command, context: CliContext): void {
  withConnectOptions(cluster.command("snapshot"))
    .description(
      "has every given node take a snapshot of the tree now; exits with 1 when one does not",
    )
    .addOption(
      new Option("-o, --output <format>", "how to print")
        .choices(["table", "json"])
        .default("table"),
    )
    .action((options: SnapshotOptions) => takeSnapshots(context, options));
}

async function takeSnapshots(context: CliContext, options: SnapshotOptions): Promise<void> {
  const answers = await withClient(context, options, (client, { addresses }) =>
    Promise.all(
      addresses.map(async (endpoint): Promise<Taken> => {
        const address = formatAddress(endpoint);
        try {
          const taken = await client.takeSnapshot(endpoint, KV_GROUP_ID, options.timeout);
          return { address, index: taken.index, bytes: taken.byteLength, id: taken.id, reason: "" };
        } catch (error) {
          return { address, index: 0, bytes: 0, id: "", reason: reasonOf(error) };
        }
      }),
    ),
  );
  const { stdout } = context.terminal;
  await print(stdout, options.output === "json" ? formatJson(answers) : format(answers));
  if (answers.some(({ reason }) => reason !== "")) {
    context.exitCode = CliExit.failed;
  }
}

const HEAD = ["address", "index", "bytes", "snapshot"];

function format(answers: readonly Taken[]): string {
  return formatTable(
    HEAD,
    answers.map(({ address, index, bytes, id, reason }) =>
      reason === "" ? [address, index, bytes, id] : [address, "-", "-", `failed: ${reason}`],
    ),
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
