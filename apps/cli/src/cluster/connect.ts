import { KvClient, KvError } from "@dt/kv";
import { RaftClient, RaftError } from "@dt/raft";
import { RpcError } from "@dt/rpc";
import { KV_GROUP_ID } from "@dt/server";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { resolveEndpoints } from "../endpoints.ts";
import type { Endpoints } from "../endpoints.ts";
import { CallFailure } from "./call-failure.ts";
import { viewCluster } from "./cluster-view.ts";
import { resolveSecurity, withSecurityOptions } from "./security-options.ts";
import type { SecurityFlags } from "./security-options.ts";

export interface ConnectOptions extends SecurityFlags {
  readonly endpoints?: string;
  readonly timeout: number;
}

/** Of commands that write to the tree. */
export interface WriteOptions extends ConnectOptions {
  readonly exactlyOnce?: boolean;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 2000;
const VIEW_TIMEOUT_MS = 1000;

/** Adds the options of every command that talks to a cluster. */
export function withConnectOptions(command: Command): Command {
  command
    .option("--endpoints <addresses>", "host:port of some nodes, separated by commas")
    .option(
      "--timeout <ms>",
      "milliseconds that a call may take",
      positiveInteger,
      DEFAULT_TIMEOUT_MS,
    );
  return withSecurityOptions(command);
}

/** Adds the options of every command that writes to the tree. */
export function withWriteOptions(command: Command): Command {
  return withConnectOptions(command).option(
    "--exactly-once",
    "repeat a write whose answer is lost; it is carried out once and told its first result",
    false,
  );
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("Not a positive integer.");
  }
  return value;
}

/** Runs `use` with a connection. An error of the cluster becomes a `CallFailure` that says who leads. */
export async function withClient<T>(
  context: CliContext,
  options: ConnectOptions,
  use: (client: RaftClient, endpoints: Endpoints) => Promise<T>,
  isRead: boolean = false,
): Promise<T> {
  const endpoints = resolveEndpoints(options.endpoints, context.terminal);
  const client = new RaftClient({
    endpoints: endpoints.addresses,
    timeoutMs: options.timeout,
    rpc: {
      connectTimeoutMs: Math.min(options.timeout, CONNECT_TIMEOUT_MS),
      ...resolveSecurity(options, context.terminal),
    },
  });
  try {
    return await use(client, endpoints);
  } catch (error) {
    if (error instanceof RaftError || error instanceof RpcError || error instanceof KvError) {
      const view = await viewCluster(client, endpoints.addresses, VIEW_TIMEOUT_MS);
      throw new CallFailure(error, view, endpoints.from, isRead);
    }
    throw error;
  } finally {
    await client.close();
  }
}

export function withTree<T>(
  context: CliContext,
  options: WriteOptions,
  use: (tree: KvClient) => Promise<T>,
): Promise<T> {
  const session = options.exactlyOnce === true;
  return withClient(context, options, (client) =>
    use(new KvClient(client, { groupId: KV_GROUP_ID, session })),
  );
}

/** As `withTree`, for what only reads. */
export function withTreeToRead<T>(
  context: CliContext,
  options: ConnectOptions,
  use: (tree: KvClient) => Promise<T>,
): Promise<T> {
  return withClient(
    context,
    options,
    (client) => use(new KvClient(client, { groupId: KV_GROUP_ID })),
    true,
  );
}
