import { stringify } from "yaml";
import { writeJson } from "./write-json.ts";
import type { Tree, TreeProblem } from "./tree.ts";

export const TREE_FORMATS = ["yaml", "json"] as const;
export type TreeFormat = (typeof TREE_FORMATS)[number];

/** Strings that YAML 1.1 reads as something else, such as `yes`, are quoted for readers of that version. */
const YAML_OPTIONS = {
  compat: "yaml-1.1",
  aliasDuplicateObjects: false,
  lineWidth: 0,
} as const;

/** The text of a document. What the format cannot express goes to `problems`. */
export function writeTree(tree: Tree, format: TreeFormat, problems: TreeProblem[]): string {
  return format === "yaml" ? stringify(tree, YAML_OPTIONS) : `${writeJson(tree, problems)}\n`;
}
