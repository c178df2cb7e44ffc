import { KvStateMachine, addKvCommands } from "@dt/kv";
import { RaftServer } from "@dt/raft";
import type { RaftError } from "@dt/raft";
import { DataDirectory, LogError } from "@dt/raft-log-file";
import type { FileSystem } from "@dt/raft-log-file";
import type { Logger } from "pino";
import { formatAddress } from "./address.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { ExitCode } from "./exit-code.ts";
import { Security } from "./security/security.ts";
import { logRecovery } from "./recovery-log.ts";
import { ServerError } from "./server-error.ts";

/** The raft group that holds the configuration tree. */
export const KV_GROUP_ID = 1;

/** What a program that embeds the server may replace. */
export interface ServerDeps {
  /** Where the data directory is. Default: the file system of this machine. */
  readonly fileSystem?: FileSystem;
}

/** A server that listens. */
export interface RunningServer {
  readonly port: number;
  /**
   * Reads certificates, users and tokens again, for the connections to come. Throws DT_SERVER_CONFIG, and then
   * all stays as it was.
   */
  reloadSecurity(): void;
  /**
   * Refuses new requests, answers what waits, syncs and releases everything. Idempotent. Rejects at the end with what
   * could not be closed.
   */
  close(): Promise<void>;
}

/**
 * The one place where a node is put together, and the order in which its parts start and stop: directory, log,
 * group, commands, port; then the other way round. Throws DT_SERVER_START, with nothing left open.
 */
export async function startServer(
  config: ServerConfig,
  logger: Logger,
  onGroupFailed: (error: RaftError) => void,
  deps: ServerDeps = {},
): Promise<RunningServer> {
  const { clusterId, nodeId, members, listen, dataDir } = config;
  const security = await attempt(
    ExitCode.config,
    "cannot use keys and credentials",
    async () => new Security(config.security),
  );
  const directory = await attempt(ExitCode.dataDirectory, "cannot use the data directory", () =>
    DataDirectory.open({ path: dataDir, clusterId, nodeId }, deps),
  );
  const { maxFrameBytes } = config.rpc;
  const raft = new RaftServer(
    {
      clusterId,
      nodeId,
      members,
      stores: directory.peers,
      listen,
      rpcServer: { ...config.rpc, ...security.serverOptions },
      rpcClient: {
        ...(maxFrameBytes === undefined ? {} : { maxFrameBytes }),
        ...security.clientOptions,
      },
      isMember: security.isMember,
    },
    { logger: logger.child({ component: "raft" }) },
  );
  const close = async (): Promise<void> => {
    // Somebody else leads before this node is gone, so that nobody waits for an election.
    await raft.handOver();
    try {
      await raft.close();
    } finally {
      await directory.close();
    }
  };
  try {
    await attempt(ExitCode.group, "cannot open the group of the configuration tree", () =>
      serveTree(raft, directory, config, logger, onGroupFailed),
    );
    const port = await attempt(ExitCode.listen, `cannot listen on ${formatAddress(listen)}`, () =>
      raft.listen(),
    );
    return { port, close, reloadSecurity: () => security.reload(raft) };
  } catch (error) {
    // Why it cannot start is what the operator has to hear, also when its files do not close.
    await close().catch((failure: unknown) => logger.error({ error: failure }, "closing failed"));
    throw error;
  }
}

async function serveTree(
  raft: RaftServer,
  directory: DataDirectory,
  { group: options, storage }: ServerConfig,
  logger: Logger,
  onFailed: (error: RaftError) => void,
): Promise<void> {
  const stateMachine = new KvStateMachine();
  const group = await raft.addGroup({
    groupId: KV_GROUP_ID,
    stateMachine,
    log: directory.log(KV_GROUP_ID, { ...storage, onRecovery: logRecovery(logger, KV_GROUP_ID) }),
    snapshots: directory.snapshots(KV_GROUP_ID),
    options,
    onFailed,
  });
  addKvCommands(raft.commands(KV_GROUP_ID), group, stateMachine);
}

async function attempt<T>(exitCode: ExitCode, action: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new ServerError(
      {
        code: "DT_SERVER_START",
        exitCode: isForeign(error) ? ExitCode.dataDirectory : exitCode,
        action,
      },
      { cause: error },
    );
  }
}

/** Files of another node or another group, wherever they are found. */
function isForeign(error: unknown): boolean {
  return error instanceof LogError && error.code === "DT_LOG_FOREIGN_FILE";
}
