import { LineCounter, isNode, parseDocument, visit } from "yaml";
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
  checkAliases(document, lines, problems);
  return {
    value: problems.length > 0 ? null : valuesOf(document, problems),
    line: (path) => lineOf(document, lines, path),
  };
}

/** An alias has to stand for something that ends before it. */
function checkAliases(document: Document, lines: LineCounter, problems: ConfigProblem[]): void {
  visit(document, {
    Alias: (_key, alias, path) => {
      const node = alias.resolve(document);
      if (node === undefined || path.includes(node)) {
        const { line, col } = lines.linePos(alias.range?.[0] ?? 0);
        const what = node === undefined ? "nothing" : "what it stands in";
        const message = `line ${line}, column ${col}: the alias *${alias.source} stands for ${what}`;
        problems.push({ path: "", message });
      }
    },
  });
}

/** The library refuses a few lines of aliases that stand for any number of copies. */
function valuesOf(document: Document, problems: ConfigProblem[]): unknown {
  try {
    return document.toJS() as unknown;
  } catch (error) {
    problems.push({ path: "", message: error instanceof Error ? error.message : String(error) });
    return null;
  }
}

const STEP = /[^.[\]]+/gu;

function lineOf(document: Document, lines: LineCounter, path: string): number | null {
  const steps = path.match(STEP) ?? [];
  const node = document.getIn(steps, true);
  return isNode(node) && node.range ? lines.linePos(node.range[0]).line : null;
}
