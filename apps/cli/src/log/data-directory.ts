import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliError } from "../cli-error.ts";

const MARK = "identity";

/**
 * The data directory that a user means: the one named, or `data` in it, which is how `dt dev` lays out the
 * directory of a node.
 */
export function findDataDirectory(cwd: string, name: string): string {
  const candidates = [resolve(cwd, name), resolve(cwd, name, "data")];
  const found = candidates.find((directory) => existsSync(join(directory, MARK)));
  if (found === undefined) {
    throw new CliError({ code: "DT_CLI_NO_DATA", directory: name });
  }
  return found;
}
