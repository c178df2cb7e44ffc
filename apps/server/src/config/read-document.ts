import { LineCounter, isNode, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { ConfigProblem } from "../server-error.ts";

/** A configuration file as it was written: the values, and where each of them stands. */
export interface ConfigDocument {
  readonly value: unknown;
  /** Line of the value at a path such as `cluster.members[1].port`; null when it is not in the file. */
  line(path: string): number | null;
}

/** Parses YAML. Everything that is wrong with its syntax goes to `problems`; the value is null then. */
export function readDocument(text: string, problems: ConfigProblem[]): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  for (const error of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(error.pos[0]);
    problems.push({ path: "", message: `line ${line}, column ${col}: ${error.message}` });
  }
  return {
    value: problems.length > 0 ? null : (document.toJS() as unknown),
    line: (path) => lineOf(document, lines, path),
  };
}

const STEP = /[^.[\]]+/gu;

function lineOf(document: Document, lines: LineCounter, path: string): number | null {
  const steps = path.match(STEP) ?? [];
  const node = document.getIn(steps, true);
  return isNode(node) && node.range ? lines.linePos(node.range[0]).line : null;
}
