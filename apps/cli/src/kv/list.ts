import type { KvClient, KvEntry, KvKey, ListOptions } from "@dt/kv";
import type { CliContext } from "../cli-context.ts";
import { withTreeToRead } from "../cluster/connect.ts";
import type { ConnectOptions } from "../cluster/connect.ts";
import { formatJson, formatTable } from "../output.ts";
import type { OutputFormat } from "../output.ts";
import { print } from "../terminal.ts";
import { listPages } from "./list-pages.ts";
import { keyName, NODE_HEAD, nodeJson, nodeRow } from "./node-text.ts";

interface ListCommandOptions extends ConnectOptions {
  readonly recursive: boolean;
  readonly keysOnly: boolean;
  readonly limit?: number;
  readonly output: OutputFormat;
}

export async function listKeys(
  context: CliContext,
  directory: string,
  options: ListCommandOptions,
): Promise<void> {
  const { recursive, limit, output } = options;
  const { stdout } = context.terminal;
  const request: ListOptions = { recursive, ...(limit === undefined ? {} : { limit }) };
  // Raw output is keys alone.
  if (options.keysOnly || output === "raw") {
    const keys = await withTreeToRead(context, options, (tree) =>
      collectKeys(tree, directory, request),
    );
    await print(stdout, output === "json" ? formatJson(keys) : formatKeys(keys));
  } else {
    const entries = await withTreeToRead(context, options, (tree) =>
      collectEntries(tree, directory, request),
    );
    const text =
      output === "json"
        ? formatJson(entries.map(({ key, node }) => nodeJson(key, node)))
        : formatTable(NODE_HEAD, entries.map(nodeRow));
    await print(stdout, text);
  }
}

async function collectKeys(
  tree: KvClient,
  directory: string,
  request: ListOptions,
): Promise<KvKey[]> {
  const keys: KvKey[] = [];
  for await (const page of listPages((options) => tree.listKeys(directory, options), request)) {
    keys.push(...page.entries);
  }
  return keys;
}

async function collectEntries(
  tree: KvClient,
  directory: string,
  request: ListOptions,
): Promise<KvEntry[]> {
  const entries: KvEntry[] = [];
  for await (const page of listPages((options) => tree.list(directory, options), request)) {
    entries.push(...page.entries);
  }
  return entries;
}

function formatKeys(keys: readonly KvKey[]): string {
  return keys.map(({ key, kind }) => `${keyName(key, kind)}\n`).join("");
}
