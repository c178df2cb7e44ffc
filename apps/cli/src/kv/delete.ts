import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withTree } from "../cluster/connect.ts";
import type { WriteOptions } from "../cluster/connect.ts";
import type { OutputFormat } from "../output.ts";
import { printWrite } from "./print-write.ts";

interface DeleteOptions extends WriteOptions {
  readonly recursive: boolean;
  readonly output: OutputFormat;
}

export async function deleteKey(
  context: CliContext,
  key: string,
  options: DeleteOptions,
): Promise<void> {
  const { recursive, output } = options;
  const revision = await withTree(context, options, (tree) => tree.delete(key, { recursive }));
  if (revision === 0) {
    throw new CliError({ code: "DT_CLI_NOT_FOUND", key });
  }
  await printWrite(context, output, key, revision);
}
