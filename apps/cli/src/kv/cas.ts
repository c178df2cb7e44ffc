import type { CasExpectation } from "@dt/kv";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withTree } from "../cluster/connect.ts";
import type { WriteOptions } from "../cluster/connect.ts";
import type { OutputFormat } from "../output.ts";
import { printWrite } from "./print-write.ts";
import { readValue } from "./value-input.ts";

interface CasOptions extends WriteOptions {
  readonly file?: string;
  readonly expectValue?: string;
  readonly expectRevision?: number;
  readonly expectAbsent: boolean;
  readonly output: OutputFormat;
}

export async function casKey(
  context: CliContext,
  key: string,
  argument: string | undefined,
  options: CasOptions,
): Promise<void> {
  const expected = expectationOf(options);
  const value = await readValue(context.terminal, argument, options.file);
  const result = await withTree(context, options, (tree) => tree.cas(key, expected, value));
  if (!result.isSwapped) {
    throw new CliError({ code: "DT_CLI_COMPARE_FAILED", key, modRevision: result.modRevision });
  }
  await printWrite(context, options.output, key, result.revision);
}

function expectationOf(options: CasOptions): CasExpectation {
  const { expectValue, expectRevision, expectAbsent } = options;
  const expectations: CasExpectation[] = [];
  if (expectValue !== undefined) {
    expectations.push({ value: expectValue });
  }
  if (expectRevision !== undefined) {
    expectations.push({ revision: expectRevision });
  }
  if (expectAbsent) {
    expectations.push({ value: null });
  }
  const [only] = expectations;
  if (only === undefined || expectations.length > 1) {
    throw new CliError({
      code: "DT_CLI_USAGE",
      message: "give one of --expect-value, --expect-revision and --expect-absent",
    });
  }
  return only;
}
