import { Visitor, parseSync } from "oxc-parser";

export interface ImportSite {
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A construct whose outcome depends on more than its input, or that runs later. */
export interface ImpureSite {
  readonly construct: string;
  readonly line: number;
}

export interface SourceFacts {
  readonly imports: readonly ImportSite[];
  readonly impure: readonly ImpureSite[];
  /** The first syntax error, or null. */
  readonly syntaxError: string | null;
}

interface FunctionNode {
  readonly start: number;
  readonly async: boolean;
  readonly generator: boolean;
}

/** Reads what the layer rules need to know about one TypeScript source. */
export function readSourceFacts(file: string, text: string): SourceFacts {
  const { program, errors } = parseSync(file, text);
  const lineAt = lineFinder(text);
  const imports: ImportSite[] = [];
  const impure: ImpureSite[] = [];

  const addImport = (source: { type: string; start: number } | null): void => {
    const specifier = source === null ? null : literalText(source);
    if (source !== null && specifier !== null) {
      imports.push({ specifier, line: lineAt(source.start) });
    }
  };
  const addImpure = (construct: string, offset: number): void => {
    impure.push({ construct, line: lineAt(offset) });
  };
  const checkFunction = (node: FunctionNode): void => {
    if (node.async) {
      addImpure("an async function", node.start);
    }
    if (node.generator) {
      addImpure("a generator", node.start);
    }
  };

  new Visitor({
    ImportDeclaration: (node) => addImport(node.source),
    ExportNamedDeclaration: (node) => addImport(node.source),
    ExportAllDeclaration: (node) => addImport(node.source),
    ImportExpression: (node) => addImport(node.source),
    TSImportType: (node) => addImport(node.source),
    TSExternalModuleReference: (node) => addImport(node.expression),
    FunctionDeclaration: checkFunction,
    FunctionExpression: checkFunction,
    ArrowFunctionExpression: checkFunction,
    AwaitExpression: (node) => addImpure("await", node.start),
    ForOfStatement: (node) => {
      if (node.await) {
        addImpure("for await", node.start);
      }
    },
    MemberExpression: (node) => {
      const property = node.computed ? literalText(node.property) : identifierName(node.property);
      if (identifierName(node.object) === "Math" && property === "random") {
        addImpure("Math.random", node.start);
      }
    },
    VariableDeclarator: (node) => {
      // `const { random } = Math` would hide the call from the check above.
      if (node.init !== null && identifierName(node.init) === "Math") {
        addImpure("Math taken apart or renamed", node.start);
      }
    },
  }).visit(program);

  return { imports, impure, syntaxError: errors[0]?.message ?? null };
}

function identifierName(node: object): string | null {
  return "type" in node && node.type === "Identifier" && "name" in node ? String(node.name) : null;
}

/** The text of a string literal or of a template without substitutions; null for everything else. */
function literalText(node: object): string | null {
  if (!("type" in node)) {
    return null;
  }
  if (node.type === "Literal" && "value" in node && typeof node.value === "string") {
    return node.value;
  }
  if (node.type === "TemplateLiteral" && "quasis" in node && Array.isArray(node.quasis)) {
    const quasis: readonly { value: { cooked: string | null } }[] = node.quasis;
    return quasis.length === 1 ? (quasis[0]?.value.cooked ?? null) : null;
  }
  return null;
}

/** Maps offsets to line numbers; the offsets of one file come in no particular order. */
function lineFinder(text: string): (offset: number) => number {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    lineStarts.push(at + 1);
  }
  return (offset) => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((lineStarts[middle] ?? 0) <= offset) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low + 1;
  };
}
