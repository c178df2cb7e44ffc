import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withTreeToRead } from "../cluster/connect.ts";
import type { ConnectOptions } from "../cluster/connect.ts";
import { formatJson, formatTable } from "../output.ts";
import type { OutputFormat } from "../output.ts";
import { print } from "../terminal.ts";
import { NODE_HEAD, nodeJson, nodeRow } from "./node-text.ts";

interface GetOptions extends ConnectOptions {
  readonly stale: boolean;
  readonly output: OutputFormat;
}

export async function getKey(context: CliContext, key: string, options: GetOptions): Promise<void> {
  const { stale, output } = options;
  const node = await withTreeToRead(context, options, (tree) => tree.get(key, { stale }));
  if (node === null) {
    throw new CliError({ code: "DT_CLI_NOT_FOUND", key });
  }
  const { stdout } = context.terminal;
  if (output === "json") {
    await print(stdout, formatJson(nodeJson(key, node)));
  } else if (output === "table") {
    await print(stdout, formatTable(NODE_HEAD, [nodeRow({ key, node })]));
  } else if (node.kind === "directory") {
    throw new CliError({ code: "DT_CLI_IS_DIRECTORY", key });
  } else {
    await print(stdout, node.value);
    // The bytes alone for a program, a line of its own for a person.
    if (stdout.isTTY === true) {
      await print(stdout, "\n");
    }
  }
}
