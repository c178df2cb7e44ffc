import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ServerError } from "../server-error.ts";
import type { ConfigProblem } from "../server-error.ts";
import { applyOverrides } from "./overrides.ts";
import type { Overrides } from "./overrides.ts";
import { readDocument } from "./read-document.ts";
import type { ConfigDocument } from "./read-document.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { ServerConfig } from "./server-config.ts";
import { substituteVariables } from "./substitute.ts";

export interface ConfigSource {
  readonly file: string;
  readonly flags?: Overrides;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Reads a configuration file: substitutes `${VARIABLE:default}`, applies what the environment and the flags
 * override, checks and completes. Throws DT_SERVER_CONFIG with everything that is wrong.
 */
export function loadConfig(source: ConfigSource): ServerConfig {
  const file = resolve(source.file);
  return parseConfig(readText(file), file, source.flags ?? {}, source.env ?? {});
}

/** `loadConfig` for a text that is at hand; `file` is what messages and a relative `dataDir` refer to. */
export function parseConfig(
  text: string,
  file: string,
  flags: Overrides = {},
  env: NodeJS.ProcessEnv = {},
): ServerConfig {
  const problems: ConfigProblem[] = [];
  const document = readDocument(text, problems);
  if (problems.length > 0) {
    throw configError(file, problems);
  }
  const substituted = substituteVariables(document.value, env, problems);
  const { value, origins } = applyOverrides(substituted, flags, env, problems);
  const config = resolveConfig(value, dirname(file), problems);
  if (config === null || problems.length > 0) {
    throw configError(
      file,
      problems.map((problem) => locate(problem, origins, document)),
    );
  }
  return config;
}

/** Adds to a problem where its value comes from: the line of the file, or the flag or variable that won. */
function locate(
  problem: ConfigProblem,
  origins: ReadonlyMap<string, string>,
  document: ConfigDocument,
): ConfigProblem {
  const { path, message } = problem;
  const origin = origins.get(path);
  if (origin !== undefined) {
    return { path, message: `${message} (from ${origin})` };
  }
  const at = document.line(path);
  return at === null ? problem : { path, message: `${message} (line ${at})` };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw configError(file, [{ path: "", message: `cannot be read: ${reason}` }], { cause: error });
  }
}

function configError(
  source: string,
  problems: readonly ConfigProblem[],
  options?: ErrorOptions,
): ServerError {
  return new ServerError({ code: "DT_SERVER_CONFIG", source, problems }, options);
}
