import type { CliContext } from "../cli-context.ts";
import { formatJson } from "../output.ts";
import type { OutputFormat } from "../output.ts";
import { print } from "../terminal.ts";

/** Says that a write is done, by its revision. */
export function printWrite(
  { terminal }: CliContext,
  output: OutputFormat,
  key: string,
  revision: number,
): Promise<void> {
  switch (output) {
    case "json":
      return print(terminal.stdout, formatJson({ key, revision }));
    case "raw":
      return print(terminal.stdout, `${revision}\n`);
    case "table":
      return print(terminal.stdout, `revision ${revision}\n`);
  }
}
