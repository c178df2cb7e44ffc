import { readJson } from "./read-json.ts";
import { readYaml } from "./read-yaml.ts";
import type { Tree, TreeProblem } from "./tree.ts";
import type { TreeFormat } from "./write-tree.ts";

/** Reads a document, which must be UTF-8. Whatever is wrong with it goes to `problems`. */
export function readTree(bytes: Uint8Array, format: TreeFormat, problems: TreeProblem[]): Tree {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    problems.push({ path: "", message: "not UTF-8" });
    return null;
  }
  return format === "json" ? readJson(text, problems) : readYaml(text, problems);
}
