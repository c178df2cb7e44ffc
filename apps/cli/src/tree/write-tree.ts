import { stringify } from "yaml";
import type { ScalarTag } from "yaml";
import { writeJson } from "./write-json.ts";
import { tooDeep } from "./too-deep.ts";
import type { Tree, TreeProblem } from "./tree.ts";

export const TREE_FORMATS = ["yaml", "json"] as const;
export type TreeFormat = (typeof TREE_FORMATS)[number];

/** Texts that readers of YAML 1.1 take for truth values or numbers, and tabs, at which some of them stop. */
const OLD_SCALAR =
  /^(?:y|n|yes|no|on|off|=|[-+]?0b[01_]+|[-+]?\d[\d_]*(?:\.[\d_]*)?(?:e[-+]?\d+)?|[-+]?\d+(?::[0-5]?\d)+(?:\.\d*)?)$|\t/iu;

/** Strings of these texts are quoted, so that they are strings for every reader. */
const OLD_TAG: ScalarTag = {
  tag: "tag:yaml.org,2002:old",
  default: true,
  identify: () => false,
  test: OLD_SCALAR,
  resolve: (text) => text,
};

const YAML_OPTIONS = {
  compat: [OLD_TAG],
  aliasDuplicateObjects: false,
  lineWidth: 0,
};

/**
 * The text of a document. What the format cannot express goes to `problems`, and that the tree is nested more deeply
 * than can be written. A document that is a string alone stands in quotes: the library writes some of those as blocks
 * that it cannot read.
 */
export function writeTree(tree: Tree, format: TreeFormat, problems: TreeProblem[]): string {
  try {
    return format === "json" || typeof tree === "string"
      ? `${writeJson(tree, problems)}\n`
      : stringify(tree, YAML_OPTIONS);
  } catch (error) {
    problems.push(tooDeep(error));
    return "";
  }
}
