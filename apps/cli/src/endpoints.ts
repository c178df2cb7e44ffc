import { join, relative } from "node:path";
import { parseAddress, readClusterFile } from "@dt/server";
import type { HostPort } from "@dt/server";
import { CliError } from "./cli-error.ts";
import type { Terminal } from "./terminal.ts";

export const DEFAULT_DATA_DIR = ".dt-data";
export const DEFAULT_BASE_PORT = 7001;
const DEFAULT_NODE_COUNT = 3;

/** Where a cluster is, and who said so. */
export interface Endpoints {
  readonly addresses: readonly HostPort[];
  /** For messages: the flag, the variable or the file that named the addresses. */
  readonly from: string;
}

/**
 * Addresses of the cluster that a command talks to: `--endpoints`, else DT_ENDPOINTS, else what `dt dev` left in
 * ./.dt-data, else the ports that `dt dev` takes first.
 */
export function resolveEndpoints(flag: string | undefined, terminal: Terminal): Endpoints {
  const variable = terminal.env["DT_ENDPOINTS"];
  if (flag !== undefined) {
    return parseEndpoints(flag, "--endpoints");
  }
  if (variable !== undefined && variable !== "") {
    return parseEndpoints(variable, "DT_ENDPOINTS");
  }
  const directory = join(terminal.cwd, DEFAULT_DATA_DIR);
  const cluster = readClusterFile(directory);
  if (cluster !== null) {
    return { addresses: cluster.nodes, from: relative(terminal.cwd, directory) };
  }
  const addresses = Array.from({ length: DEFAULT_NODE_COUNT }, (_, index) => ({
    host: "127.0.0.1",
    port: DEFAULT_BASE_PORT + index,
  }));
  return { addresses, from: "the default" };
}

function parseEndpoints(text: string, from: string): Endpoints {
  const addresses = text.split(",").map(parseAddress);
  if (!addresses.every((address) => address !== null)) {
    throw new CliError({ code: "DT_CLI_ENDPOINTS", from, text });
  }
  return { addresses, from };
}
