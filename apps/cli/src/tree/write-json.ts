import { plainText } from "./scalar-text.ts";
import { isTreeList, isTreeMap } from "./tree.ts";
import type { Tree, TreeMap, TreeProblem } from "./tree.ts";

const INDENT = "  ";

/**
 * JSON with every digit of large integers and the sign of -0, which `JSON.stringify` would lose. Keys that are
 * not strings become strings. What JSON has no word for goes to `problems`.
 */
export function writeJson(tree: Tree, problems: TreeProblem[], path = "", margin = ""): string {
  if (isTreeMap(tree)) {
    return writeObject(tree, problems, path, margin);
  }
  if (isTreeList(tree)) {
    const items = tree.map((item, index) =>
      writeJson(item, problems, `${path}[${index}]`, margin + INDENT),
    );
    return enclose("[", items, "]", margin);
  }
  if (typeof tree === "string") {
    return JSON.stringify(tree);
  }
  if (typeof tree === "number" && !Number.isFinite(tree)) {
    problems.push({ path, message: `JSON has no ${plainText(tree)}` });
  }
  return plainText(tree);
}

function writeObject(map: TreeMap, problems: TreeProblem[], path: string, margin: string): string {
  const names = new Set<string>();
  const members: string[] = [];
  for (const [key, child] of map) {
    const name = typeof key === "string" ? key : plainText(key);
    const childPath = path === "" ? name : `${path}.${name}`;
    if (names.has(name)) {
      problems.push({ path: childPath, message: `JSON has no two keys ${JSON.stringify(name)}` });
    }
    names.add(name);
    members.push(
      `${JSON.stringify(name)}: ${writeJson(child, problems, childPath, margin + INDENT)}`,
    );
  }
  return enclose("{", members, "}", margin);
}

function enclose(open: string, parts: readonly string[], close: string, margin: string): string {
  if (parts.length === 0) {
    return open + close;
  }
  const inner = margin + INDENT;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`;
}
