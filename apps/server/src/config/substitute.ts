import type { ConfigProblem } from "../server-error.ts";

/** Adds a step to the path of a value: `.name` into a map, `[3]` into a list. */
export function childPath(parent: string, step: string | number): string {
  if (typeof step === "number") {
    return `${parent}[${step}]`;
  }
  return parent === "" ? step : `${parent}.${step}`;
}

/** `$${` for a literal `${`, else `${NAME}` or `${NAME:default}`; the default ends at the first brace. */
const REFERENCE = /\$\$\{|\$\{([^}:]*)(?::([^}]*))?\}/gu;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/u;

/**
 * Replaces references to environment variables in every string below `value`, in a copy. A variable that is
 * not set, or set to nothing, gives its default; without a default it is a problem.
 */
export function substituteVariables(
  value: unknown,
  env: NodeJS.ProcessEnv,
  problems: ConfigProblem[],
  path = "",
): unknown {
  if (typeof value === "string") {
    return substituteText(value, env, (message) => problems.push({ path, message }));
  }
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      substituteVariables(item, env, problems, childPath(path, index)),
    );
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [
        key,
        substituteVariables(child, env, problems, childPath(path, key)),
      ]),
    );
  }
  return value;
}

function substituteText(
  text: string,
  env: NodeJS.ProcessEnv,
  report: (message: string) => void,
): string {
  return text.replace(REFERENCE, (reference, name?: string, fallback?: string) => {
    if (name === undefined) {
      return "${";
    }
    if (!VARIABLE_NAME.test(name)) {
      report(`${reference} does not name an environment variable`);
      return reference;
    }
    const value = env[name];
    if (value !== undefined && value !== "") {
      return value;
    }
    if (fallback === undefined) {
      report(`the environment variable ${name} is not set, and ${reference} has no default`);
      return reference;
    }
    return fallback;
  });
}
