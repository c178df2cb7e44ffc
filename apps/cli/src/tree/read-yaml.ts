import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Alias, Document, Node } from "yaml";
import type { Scalar, Tree, TreeProblem } from "./tree.ts";

const INTEGER = /^[+-]?(?:\d+|0x[0-9a-fA-F]+|0o[0-7]+)$/u;

/** Reads one YAML 1.2 document. Aliases stand for copies; comments, anchors and the order of keys are not kept. */
export function readYaml(text: string, problems: TreeProblem[]): Tree {
  const lines = new LineCounter();
  // The parser would compare each key of a map with all others; the reader asks its own map instead.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(pos[0]);
    problems.push({ path: "", message: `line ${line}, column ${col}: ${message}` });
  }
  return problems.length > 0
    ? null
    : new YamlReader(document, lines, problems).read(document.contents);
}

class YamlReader {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #problems: TreeProblem[];
  /** Collections that are being read, to find aliases of what they stand in. */
  readonly #open = new Set<Node>();
  /** What aliases stand for. */
  readonly #copies = new Map<Node, Tree>();

  constructor(document: Document, lines: LineCounter, problems: TreeProblem[]) {
    this.#document = document;
    this.#lines = lines;
    this.#problems = problems;
  }

  read(node: unknown): Tree {
    if (node === null || node === undefined) {
      return null;
    }
    if (isAlias(node)) {
      return this.#readAlias(node);
    }
    if (isScalar(node)) {
      return this.#readScalar(node);
    }
    if (!isMap(node) && !isSeq(node)) {
      return this.#refuse(node, "this kind of node is not supported");
    }
    if (this.#open.has(node)) {
      return this.#refuse(node, "an alias stands inside of what it is an alias of");
    }
    this.#open.add(node);
    const tree = isMap(node)
      ? this.#readMap(node.items)
      : node.items.map((item) => this.read(item));
    this.#open.delete(node);
    return tree;
  }

  /** What several aliases stand for is read once: a small document may stand for any number of copies. */
  #readAlias(alias: Alias): Tree {
    const node = alias.resolve(this.#document);
    if (node === undefined) {
      return this.#refuse(alias, `the alias *${alias.source} stands for nothing`);
    }
    const known = this.#copies.get(node);
    if (known !== undefined) {
      return known;
    }
    const tree = this.read(node);
    this.#copies.set(node, tree);
    return tree;
  }

  #readMap(pairs: readonly { readonly key: unknown; readonly value: unknown }[]): Tree {
    const map = new Map<Scalar, Tree>();
    for (const { key, value } of pairs) {
      const name = this.read(key);
      if (typeof name === "object" && name !== null) {
        this.#refuse(key, "a map or a list cannot be a key");
      } else if (map.has(name)) {
        this.#refuse(key, `the key ${String(name)} is given twice`);
      } else {
        map.set(name, this.read(value));
      }
    }
    return map;
  }

  #readScalar(node: { readonly value: unknown; readonly source?: string }): Tree {
    const { value, source = "" } = node;
    if (typeof value === "number" && INTEGER.test(source) && !Number.isSafeInteger(value)) {
      return exactInteger(source);
    }
    if (
      value === null ||
      typeof value === "string" ||
      typeof value === "number" ||
      typeof value === "boolean"
    ) {
      return value;
    }
    return this.#refuse(node, "this type of value is not supported; write it as text in quotes");
  }

  #refuse(node: unknown, message: string): null {
    const range = typeof node === "object" && node !== null && "range" in node ? node.range : null;
    const at = Array.isArray(range) ? `line ${this.#lines.linePos(Number(range[0])).line}: ` : "";
    this.#problems.push({ path: "", message: at + message });
    return null;
  }
}

function exactInteger(source: string): bigint {
  const digits = source.replace(/^[+-]/u, "");
  return source.startsWith("-") ? -BigInt(digits) : BigInt(digits);
}
