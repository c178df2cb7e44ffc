import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { KvClient } from "@dt/kv";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withTreeToRead } from "../cluster/connect.ts";
import type { ConnectOptions } from "../cluster/connect.ts";
import { startProgress } from "../progress.ts";
import type { Progress } from "../progress.ts";
import { print } from "../terminal.ts";
import { buildTree, leafOf } from "../tree/build-tree.ts";
import type { ListedNode } from "../tree/build-tree.ts";
import { countLeaves } from "../tree/tree.ts";
import type { Tree, TreeProblem } from "../tree/tree.ts";
import { writeTree } from "../tree/write-tree.ts";
import type { TreeFormat } from "../tree/write-tree.ts";
import { listPages } from "./list-pages.ts";
import { trimKey } from "./trim-key.ts";
import { fileError } from "./value-input.ts";

interface ExportOptions extends ConnectOptions {
  readonly prefix: string;
  readonly format: TreeFormat;
}

const STDOUT = "-";
/** Tries to read all pages without a write in between. */
const ATTEMPTS = 5;

export async function exportTree(
  context: CliContext,
  directory: string,
  options: ExportOptions,
): Promise<void> {
  const { terminal } = context;
  const prefix = trimKey(options.prefix);
  const problems: TreeProblem[] = [];
  const { tree, isOneRevision } = await withTreeToRead(context, options, (store) =>
    readStore(store, prefix, problems, (total) => startProgress(terminal.stderr, "export", total)),
  );
  const text = writeTree(tree, options.format, problems);
  if (problems.length > 0) {
    const subject = `${prefix === "" ? "the tree" : prefix} cannot be written as ${options.format}`;
    throw new CliError({ code: "DT_CLI_TREE", subject, problems });
  }
  if (!isOneRevision) {
    await print(
      terminal.stderr,
      "dt: the tree was written to meanwhile: the document mixes revisions\n",
    );
  }
  if (directory === STDOUT) {
    await print(terminal.stdout, text);
    return;
  }
  const file = await save(resolve(terminal.cwd, directory), `tree.${options.format}`, text);
  await print(terminal.stdout, `${countLeaves(tree)} leaves written to ${file}\n`);
}

interface ReadTree {
  readonly tree: Tree;
  /** False when writes went on during every attempt. */
  readonly isOneRevision: boolean;
}

/** Rejects with DT_CLI_NOT_FOUND when nothing is there, also when it goes before it is listed. */
export async function readStore(
  store: KvClient,
  prefix: string,
  problems: TreeProblem[],
  start: (total: number) => Progress,
): Promise<ReadTree> {
  const root = await store.get(prefix);
  if (root === null) {
    throw new CliError({ code: "DT_CLI_NOT_FOUND", key: prefix });
  }
  if (root.kind === "value") {
    return { tree: leafOf(root.value, prefix, problems), isOneRevision: true };
  }
  for (let attempt = 1; ; attempt++) {
    const { nodes, isOneRevision } = await listAll(store, prefix, start);
    if (nodes.length === 0 && (await store.get(prefix)) === null) {
      throw new CliError({ code: "DT_CLI_NOT_FOUND", key: prefix });
    }
    if (isOneRevision || attempt === ATTEMPTS) {
      return { tree: buildTree(nodes, prefix, problems), isOneRevision };
    }
  }
}

async function listAll(
  store: KvClient,
  prefix: string,
  start: (total: number) => Progress,
): Promise<{ readonly nodes: ListedNode[]; readonly isOneRevision: boolean }> {
  const { count } = await store.count(prefix, { recursive: true });
  const progress = start(count);
  const nodes: ListedNode[] = [];
  const revisions = new Set<number>();
  try {
    const pages = listPages((options) => store.list(prefix, options), { recursive: true });
    for await (const { entries, revision } of pages) {
      revisions.add(revision);
      for (const { key, node } of entries) {
        nodes.push({ key, value: node.kind === "value" ? node.value : null });
      }
      progress.advance(entries.length);
    }
  } finally {
    progress.stop();
  }
  return { nodes, isOneRevision: revisions.size <= 1 };
}

/** Writes the whole file or none of it. */
async function save(directory: string, name: string, text: string): Promise<string> {
  const file = join(directory, name);
  const temporary = `${file}.tmp`;
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    throw fileError(file, error);
  }
  return file;
}
