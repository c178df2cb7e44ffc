import { adoptCopy, isCopy } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliExit } from "../exit-code.ts";
import { print } from "../terminal.ts";
import { findDataDirectory } from "./data-directory.ts";

/** Makes a copy of a node's data directory the node's own. Ends with 1 when it is one and nothing was done. */
export async function adoptDirectory(
  context: CliContext,
  name: string,
  { yes }: { readonly yes: boolean },
): Promise<void> {
  const { cwd, stdout } = context.terminal;
  const directory = findDataDirectory(cwd, name);
  if (!(await isCopy(directory))) {
    await print(stdout, "no copy: there is nothing to do\n");
  } else if (yes) {
    await adoptCopy(directory);
    await print(stdout, "adopted: a node may start with it\n");
  } else {
    context.exitCode = CliExit.failed;
    await print(
      stdout,
      "a copy, which has forgotten what its node promised since; when the original is gone for good, take it over with --yes\n",
    );
  }
}
