import type { CliContext } from "../cli-context.ts";
import { withTree } from "../cluster/connect.ts";
import type { WriteOptions } from "../cluster/connect.ts";
import type { OutputFormat } from "../output.ts";
import { printWrite } from "./print-write.ts";
import { readValue } from "./value-input.ts";

interface PutOptions extends WriteOptions {
  readonly file?: string;
  readonly output: OutputFormat;
}

export async function putKey(
  context: CliContext,
  key: string,
  argument: string | undefined,
  options: PutOptions,
): Promise<void> {
  const value = await readValue(context.terminal, argument, options.file);
  const revision = await withTree(context, options, (tree) => tree.put(key, value));
  await printWrite(context, options.output, key, revision);
}
