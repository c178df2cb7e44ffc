import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { buildTree, leafOf } from "../../src/tree/build-tree.ts";
import { flattenTree } from "../../src/tree/flatten-tree.ts";
import type { StoredNode } from "../../src/tree/flatten-tree.ts";
import { decodeLeaf, encodeLeaf } from "../../src/tree/leaf-text.ts";
import { keySegment, readSegment } from "../../src/tree/key-segment.ts";
import { readTree } from "../../src/tree/read-tree.ts";
import type { Tree, TreeProblem } from "../../src/tree/tree.ts";
import { writeTree } from "../../src/tree/write-tree.ts";
import type { TreeFormat } from "../../src/tree/write-tree.ts";

const CHARACTERS = "0123456789.-+eE@%/:#'\"{}[]&*!|>, \n\t~_x".split("");
const SCALAR_LOOKS =
  "null true yes ~ {} [] 0 -0 007 1.10 1e3 .inf .nan 12345678901234567890 2024-01-01 0x1f".split(
    " ",
  );
const KEY_LOOKS = '@0 @01 % %2F %zz a/b / "quoted" " __proto__ constructor <<'.split(" ");
const LINES = ["", "line\nline\n", " lead", "trail ", "\u2028", "---\nabc\n\n  indented\n...\n\n"];

/** Texts in which everything that means something to YAML, JSON, keys or leaves is frequent. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }).filter((s) => s.isWellFormed()),
  fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 8 }),
  fc.constantFrom(...SCALAR_LOOKS, ...KEY_LOOKS, ...LINES),
);

const scalar = fc.oneof(
  { weight: 3, arbitrary: text },
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);

const { document } = fc.letrec<{ document: unknown; node: unknown }>((tie) => ({
  document: fc.oneof(
    fc.dictionary(text, tie("node"), { maxKeys: 3 }),
    fc.array(tie("node"), { maxLength: 3 }),
    scalar,
  ),
  node: fc.oneof(
    { depthSize: "medium", maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.dictionary(text, tie("node"), { maxKeys: 3 }),
    fc.array(tie("node"), { maxLength: 3 }),
  ),
}));

const PREFIX = "imported/tree";

/** The way of a document through the store: its leaves as nodes, in the order in which the store lists them. */
function throughStore(tree: Tree, problems: TreeProblem[]): Tree {
  const nodes = flattenTree(tree, PREFIX, problems).toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
  );
  const [only] = nodes;
  if (only?.kind === "value" && only.key === PREFIX) {
    return leafOf(Buffer.from(only.value), PREFIX, problems);
  }
  return buildTree(nodes.filter(({ key }) => key !== PREFIX).map(listed), PREFIX, problems);
}

function listed(node: StoredNode) {
  return { key: node.key, value: node.kind === "value" ? Buffer.from(node.value) : null };
}

function roundTrip(input: string, format: TreeFormat): string {
  const problems: TreeProblem[] = [];
  const tree = throughStore(readTree(Buffer.from(input), format, problems), problems);
  const output = writeTree(tree, format, problems);
  expect(problems).toEqual([]);
  return output;
}

describe("a document that goes through the store", () => {
  it("comes back equal as JSON", () => {
    fc.assert(
      fc.property(document, (value) => {
        // The parsed text is what has to come back: JSON itself turns -0 into 0.
        const input = JSON.stringify(value);
        expect(JSON.parse(roundTrip(input, "json"))).toEqual(JSON.parse(input));
      }),
      { numRuns: 300 },
    );
  });

  it("comes back equal as YAML, keys included", () => {
    fc.assert(
      fc.property(document, (value) => {
        // A string alone in quotes: the library writes some of them as blocks that it cannot read.
        const input = typeof value === "string" ? JSON.stringify(value) : stringify(value);
        const output = roundTrip(input, "yaml");
        expect(parse(output, { mapAsMap: true })).toEqual(parse(input, { mapAsMap: true }));
      }),
      { numRuns: 300 },
    );
  });

  it("comes back equal as YAML with keys that are not strings", () => {
    const key = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.constant(1.5));
    const entries = fc.array(fc.tuple(key, scalar), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(entries, (pairs) => {
        const input = stringify(new Map(pairs));
        const output = roundTrip(input, "yaml");
        const expected = parse(input, { mapAsMap: true }) as Map<unknown, unknown>;
        expect(new Map(parse(output, { mapAsMap: true }))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("comes back equal when it is a string alone", () => {
    for (const value of [" \n0", "a\nb\n", "", "42", "- x", "\u2028"]) {
      expect(parse(roundTrip(JSON.stringify(value), "yaml"))).toBe(value);
    }
  });

  it("keeps every digit of large integers", () => {
    const input = "[123456789012345678901234567890, -98765432109876543210]";
    expect(roundTrip(input, "json").replaceAll(/\s+/gu, "")).toBe(input.replaceAll(" ", ""));
    expect(roundTrip("- 123456789012345678901234567890\n", "yaml")).toBe(
      "- 123456789012345678901234567890\n",
    );
  });

  it("keeps infinities and not-a-number of YAML", () => {
    expect(parse(roundTrip("[.inf, -.inf, .nan, -0, 1e400]", "yaml"))).toEqual([
      Infinity,
      -Infinity,
      Number.NaN,
      -0,
      Infinity,
    ]);
  });
});

describe("a leaf", () => {
  it("is read back as what it was", () => {
    fc.assert(
      fc.property(scalar, (leaf) => {
        const decoded = decodeLeaf(encodeLeaf(leaf));
        // A large number has the text of an integer, whose digits are all kept.
        expect(typeof decoded === "bigint" ? Number(decoded) : decoded).toEqual(leaf);
      }),
      { numRuns: 1000 },
    );
  });

  it("that is a string is stored as it is unless it reads as something else", () => {
    expect(["hello", "1.10", "007", "yes", "", "{}", "a\nb", "-"].map(encodeLeaf)).toEqual([
      "hello",
      "1.10",
      "007",
      "yes",
      "",
      "{}",
      "a\nb",
      "-",
    ]);
    expect(["42", "true", "null", "[]", '"x"', ".inf"].map(encodeLeaf)).toEqual([
      '"42"',
      '"true"',
      '"null"',
      '"[]"',
      String.raw`"\"x\""`,
      '".inf"',
    ]);
  });
});

describe("a key of a map", () => {
  it("is read back from its segment, which has no slash and is not empty", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)), (key) => {
        const segment = keySegment(key);
        expect(segment).not.toBe("");
        expect(segment).not.toContain("/");
        expect(readSegment(segment)).toEqual({ kind: "key", key });
      }),
      { numRuns: 300 },
    );
  });

  it("looks like itself wherever it can", () => {
    expect(["name", "a.b", "@type", "mit Leerzeichen", "ключ"].map(keySegment)).toEqual([
      "name",
      "a.b",
      "@type",
      "mit Leerzeichen",
      "ключ",
    ]);
    expect(["a/b", "", "100%", "@7", "80", "true", "tab\t"].map(keySegment)).toEqual([
      "a%2Fb",
      "%",
      "100%25",
      "%407",
      "%380",
      "%74rue",
      "tab%09",
    ]);
    expect([80, true, null].map(keySegment)).toEqual(["80", "true", "null"]);
  });

  it("that was written by hand stands for itself", () => {
    expect(["a%zz", "b%41", "50%"].map(readSegment)).toEqual([
      { kind: "key", key: "a%zz" },
      { kind: "key", key: "b%41" },
      { kind: "key", key: "50%" },
    ]);
  });
});

describe("keys that are nested as deeply as they can be", () => {
  it.each(["yaml", "json"] as const)("make %s or a problem, and no accident", (format) => {
    const key = Array.from({ length: 4096 }, () => "d").join("/");
    const problems: TreeProblem[] = [];
    const tree = buildTree([{ key, value: Buffer.from("v") }], "", problems);
    const written = writeTree(tree, format, problems);
    // How deep the stack is differs.
    expect(problems.map(({ message }) => message).join()).toMatch(
      written.includes("d") ? /^$/u : /^nested too deeply, or too long, for a document$/u,
    );
  });
});
