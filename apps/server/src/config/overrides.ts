import { resolve } from "node:path";
import { parseAddress } from "../address.ts";
import type { ConfigProblem } from "../server-error.ts";

/** Values that win over the file: a flag over its environment variable, and that over the file. */
export interface Overrides {
  readonly nodeId?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly listen?: string | undefined;
  readonly logLevel?: string | undefined;
}

interface Override {
  readonly path: string;
  /** The flag or variable that it came from, for messages. */
  readonly from: string;
  readonly text: string;
}

const NAMES = {
  nodeId: { path: "node.id", flag: "--node-id", variable: "DT_NODE_ID" },
  dataDir: { path: "dataDir", flag: "--data-dir", variable: "DT_DATA_DIR" },
  listen: { path: "listen", flag: "--listen", variable: "DT_LISTEN" },
  logLevel: { path: "log.level", flag: "--log-level", variable: "DT_LOG_LEVEL" },
} as const;

/** Variables that say which node a process is: for one process, and not for those that it starts. */
export const NODE_VARIABLES: readonly string[] = [
  NAMES.nodeId.variable,
  NAMES.dataDir.variable,
  NAMES.listen.variable,
];

/** A configuration with overrides applied, and which path was overridden from where. */
export interface Overridden {
  readonly value: unknown;
  readonly origins: ReadonlyMap<string, string>;
}

/** Applies flags and environment variables to what the file says, in a copy. */
export function applyOverrides(
  value: unknown,
  flags: Overrides,
  env: NodeJS.ProcessEnv,
  problems: ConfigProblem[],
): Overridden {
  const origins = new Map<string, string>();
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { value, origins };
  }
  const config: Record<string, unknown> = { ...value };
  for (const { path, from, text } of listOverrides(flags, env)) {
    origins.set(path, from);
    if (path === "dataDir") {
      config["dataDir"] = resolve(text);
    } else if (path === "listen") {
      const address = parseAddress(text);
      if (address === null) {
        problems.push({ path: `listen (from ${from})`, message: `"${text}" is not host:port` });
      } else {
        config["listen"] = address;
      }
    } else {
      const [section = "", key = ""] = path.split(".");
      config[section] = { ...asRecord(config[section]), [key]: text };
    }
  }
  return { value: config, origins };
}

function listOverrides(flags: Overrides, env: NodeJS.ProcessEnv): Override[] {
  const overrides: Override[] = [];
  for (const key of Object.keys(NAMES) as (keyof typeof NAMES)[]) {
    const { path, flag, variable } = NAMES[key];
    const fromFlag = flags[key];
    const fromEnv = env[variable];
    if (fromFlag !== undefined) {
      overrides.push({ path, from: flag, text: fromFlag });
    } else if (fromEnv !== undefined && fromEnv !== "") {
      overrides.push({ path, from: variable, text: fromEnv });
    }
  }
  return overrides;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
