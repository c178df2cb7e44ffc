import { parseArgs } from "node:util";
import type { Overrides } from "./config/overrides.ts";

/** What a command line of the server asks for. */
export type ServerCommand =
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string }
  | {
      readonly kind: "run";
      readonly file: string;
      /** Only check the configuration. */
      readonly isCheck: boolean;
      readonly flags: Overrides;
    };

export const USAGE = `usage: dt server --config FILE [options]

Runs one node until it is told to stop (SIGTERM or SIGINT).

  --config FILE      configuration in YAML
  --check            check the configuration and exit
  --node-id ID       overrides node.id (also DT_NODE_ID)
  --data-dir DIR     overrides dataDir (also DT_DATA_DIR)
  --listen HOST:PORT overrides listen (also DT_LISTEN)
  --log-level LEVEL  overrides log.level (also DT_LOG_LEVEL)
  --help             print this

exit codes: 0 stopped, 1 unexpected error, 2 wrong arguments or configuration, 3 data directory refused,
4 a group cannot be served, 5 cannot listen, 6 stopping took too long
`;

const OPTIONS = {
  config: { type: "string" },
  check: { type: "boolean" },
  "node-id": { type: "string" },
  "data-dir": { type: "string" },
  listen: { type: "string" },
  "log-level": { type: "string" },
  help: { type: "boolean" },
} as const;

export function parseServerCommand(argv: readonly string[]): ServerCommand {
  let values;
  try {
    ({ values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true }));
  } catch (error) {
    return { kind: "wrong", message: error instanceof Error ? error.message : String(error) };
  }
  if (values.help === true) {
    return { kind: "help" };
  }
  if (values.config === undefined) {
    return { kind: "wrong", message: "--config FILE is missing" };
  }
  return {
    kind: "run",
    file: values.config,
    isCheck: values.check === true,
    flags: {
      nodeId: values["node-id"],
      dataDir: values["data-dir"],
      listen: values.listen,
      logLevel: values["log-level"],
    },
  };
}
