import type * as z from "zod";
import type { ConfigProblem } from "../server-error.ts";
import { childPath } from "./substitute.ts";

type Issue = z.core.$ZodIssue;

/** Turns what the schema says about one place into problems; `input` is what the schema was given. */
export function describeIssue(issue: Issue, input: unknown): ConfigProblem[] {
  let path = "";
  for (const step of issue.path) {
    path = childPath(path, typeof step === "number" ? step : String(step));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: childPath(path, key), message: "unknown key" }));
  }
  const received = valueAt(input, issue.path);
  if (received === undefined) {
    return [{ path, message: `missing, ${wanted(issue)}` }];
  }
  return [{ path, message: `${wanted(issue)}, not ${show(received)}` }];
}

function wanted(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? `must not be ${issue.message}`
        : `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "invalid_format":
      return `must be ${issue.message}`;
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: "an integer",
  number: "an integer",
  string: "text",
  boolean: "true or false",
  object: "a map",
  array: "a list",
};

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null) {
      return undefined;
    }
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

const SHOWN_CHARACTERS = 60;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}
