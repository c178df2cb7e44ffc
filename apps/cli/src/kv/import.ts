import { extname } from "node:path";
import { KvError, MAX_BATCH_KEYS } from "@dt/kv";
import type { BatchPutResult, KvClient } from "@dt/kv";
import { RaftError } from "@dt/raft";
import { CliError } from "../cli-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withTree } from "../cluster/connect.ts";
import type { ConnectOptions } from "../cluster/connect.ts";
import { isCallError } from "../failure.ts";
import { startProgress } from "../progress.ts";
import type { Progress } from "../progress.ts";
import { print } from "../terminal.ts";
import { flattenTree } from "../tree/flatten-tree.ts";
import type { StoredNode } from "../tree/flatten-tree.ts";
import { readTree } from "../tree/read-tree.ts";
import type { TreeProblem } from "../tree/tree.ts";
import type { TreeFormat } from "../tree/write-tree.ts";
import { trimKey } from "./trim-key.ts";
import { readInput } from "./value-input.ts";

interface ImportOptions extends ConnectOptions {
  readonly prefix: string;
  readonly format?: TreeFormat;
}

/** Keys and bytes of one batch: a small part of what one may have, so that progress is seen. */
const BATCH_KEYS = MAX_BATCH_KEYS / 4;
const BATCH_BYTES = 256 * 1024;
const BATCHES_IN_FLIGHT = 4;
const ATTEMPTS = 5;

type StoredValue = StoredNode & { readonly kind: "value" };

interface Refused {
  readonly key: string;
  readonly code: string;
}

export async function importTree(
  context: CliContext,
  file: string,
  options: ImportOptions,
): Promise<void> {
  const { terminal } = context;
  const bytes = await readInput(terminal, file);
  const nodes = readNodes(file, bytes, options);
  const progress = startProgress(terminal.stderr, "import", nodes.length);
  let refused: Refused[];
  try {
    refused = await withTree(context, options, (tree) => storeNodes(tree, nodes, progress));
  } finally {
    progress.stop();
  }
  const stored = nodes.length - refused.length;
  if (refused.length > 0) {
    throw new CliError({ code: "DT_CLI_IMPORT", stored, refused });
  }
  await print(terminal.stdout, `${stored} leaves stored\n`);
}

/** Everything is checked before anything is stored. */
function readNodes(file: string, bytes: Buffer, options: ImportOptions): StoredNode[] {
  const problems: TreeProblem[] = [];
  const format = options.format ?? (extname(file).toLowerCase() === ".json" ? "json" : "yaml");
  const tree = readTree(bytes, format, problems);
  const nodes = problems.length > 0 ? [] : flattenTree(tree, trimKey(options.prefix), problems);
  if (problems.length > 0) {
    throw new CliError({ code: "DT_CLI_TREE", subject: `${file} cannot be stored`, problems });
  }
  return nodes;
}

/**
 * Resolves with what was refused. A failure ends it when every batch under way is answered: with DT_CLI_IMPORT_BROKEN_OFF
 * when something is stored, otherwise as it is.
 */
export async function storeNodes(
  tree: KvClient,
  nodes: readonly StoredNode[],
  progress: Progress,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  const failures: unknown[] = [];
  let stored = 0;
  const jobs = jobsOf(tree, nodes);
  const worker = async (): Promise<void> => {
    for (const job of jobs) {
      try {
        const found = await repeat(job.run);
        refused.push(...found);
        stored += job.count - found.length;
        progress.advance(job.count);
      } catch (error) {
        failures.push(error);
        // Leaving the loop ends the generator for every worker.
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, worker));
  if (failures.length > 0) {
    const failure = failures.find(isOutcomeUnknown) ?? failures[0];
    throw stored === 0 ? failure : brokenOff(stored, nodes.length, failure);
  }
  return refused;
}

function isOutcomeUnknown(error: unknown): boolean {
  return isCallError(error) && error.mayHaveExecuted;
}

function brokenOff(stored: number, total: number, cause: unknown): CliError {
  const mayBeMore = isOutcomeUnknown(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CliError(
    { code: "DT_CLI_IMPORT_BROKEN_OFF", stored, total, mayBeMore, reason },
    { cause },
  );
}

interface Job {
  readonly count: number;
  readonly run: () => Promise<Refused[]>;
}

/** Workers take from one generator, so each job runs once. */
function* jobsOf(tree: KvClient, nodes: readonly StoredNode[]): Generator<Job> {
  for (const node of nodes) {
    if (node.kind === "directory") {
      yield { count: 1, run: () => makeDirectory(tree, node.key) };
    }
  }
  for (const batch of batchesOf(nodes)) {
    yield { count: batch.length, run: () => putBatch(tree, batch) };
  }
}

function* batchesOf(nodes: readonly StoredNode[]): Generator<StoredValue[]> {
  let batch: StoredValue[] = [];
  let bytes = 0;
  for (const node of nodes) {
    if (node.kind === "value") {
      const nodeBytes = Buffer.byteLength(node.key) + Buffer.byteLength(node.value);
      if (batch.length === BATCH_KEYS || (batch.length > 0 && bytes + nodeBytes > BATCH_BYTES)) {
        yield batch;
        batch = [];
        bytes = 0;
      }
      batch.push(node);
      bytes += nodeBytes;
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

async function putBatch(tree: KvClient, batch: readonly StoredValue[]): Promise<Refused[]> {
  const results = await tree.batchPut(batch);
  return results.flatMap((result: BatchPutResult, index) => {
    const key = batch[index]?.key ?? "";
    return result.isOk ? [] : [{ key, code: result.code }];
  });
}

async function makeDirectory(tree: KvClient, key: string): Promise<Refused[]> {
  try {
    await tree.mkdir(key);
    return [];
  } catch (error) {
    if (error instanceof KvError && !error.mayHaveExecuted) {
      return [{ key, code: error.code }];
    }
    throw error;
  }
}

/**
 * To store the same again does no harm: what may have been carried out is carried out once more. A later attempt that
 * failed does not tell what became of the first.
 */
async function repeat(run: () => Promise<Refused[]>): Promise<Refused[]> {
  let unknown: RaftError | null = null;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      const isLost = error instanceof RaftError && error.mayHaveExecuted;
      unknown = isLost ? error : unknown;
      if (attempt === ATTEMPTS || !isLost) {
        throw unknown ?? error;
      }
    }
  }
}
