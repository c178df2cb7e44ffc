import { randomBytes, randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { formatAddress } from "../address.ts";
import { ExitCode } from "../exit-code.ts";
import { ServerError } from "../server-error.ts";
import type { NodeExit } from "../server-error.ts";
import { ClusterNode } from "./cluster-node.ts";
import { readClusterFile, writeClusterFile } from "./cluster-file.ts";
import type { ClusterDescription } from "./cluster-file.ts";
import { findFreePort } from "./free-port.ts";
import { findLeader, isClusterAt, waitUntilServing } from "./serving.ts";
import type { ConnectOptions } from "./serving.ts";

export interface ClusterOptions {
  /** Holds everything of the cluster; made when it is missing. A cluster that is in it is started again. */
  readonly directory: string;
  /** Default: as many as the directory holds, else 3. */
  readonly nodeCount?: number;
  /**
   * First port; the nodes get the next free ones from here on. Default: the ports of the last time where they
   * are free, else some below the range from which outgoing connections take theirs.
   */
  readonly basePort?: number;
  /** Sections of every node's configuration: all but `cluster`, `node`, `dataDir` and `listen`. */
  readonly settings?: NodeSettings;
  /** How to connect to the nodes that `settings` makes: `tls` and `auth` of @dt/rpc. */
  readonly connect?: ConnectOptions;
  /** Flags for Node itself in every server process. */
  readonly nodeFlags?: readonly string[];
  /** The program of the server processes, which runs `runServer`. Default: this package's own. */
  readonly program?: string;
  /** Milliseconds until the cluster must serve. Default 30 000. */
  readonly readyTimeoutMs?: number;
  /** Gives up starting when it is aborted. */
  readonly signal?: AbortSignal;
  /** Called whenever a process ends, asked for or not. */
  readonly onExit?: (node: ClusterNode, exit: NodeExit) => void;
}

export interface NodeSettings {
  readonly raft?: Readonly<Record<string, number | boolean>>;
  readonly storage?: Readonly<Record<string, number | string>>;
  readonly snapshot?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly log?: { readonly level: string };
  readonly stop?: { readonly timeoutMs: number };
  readonly tls?: Readonly<Record<string, string>>;
  readonly auth?: Readonly<Record<string, string | boolean | readonly string[] | object>>;
}

/** Which node, and where it listens. */
interface NodePlace {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

const HOST = "127.0.0.1";
const DEFAULT_NODE_COUNT = 3;
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
/** Below what Linux, macOS and Windows hand out to outgoing connections. */
const RANDOM_PORTS = { from: 12_000, to: 30_000 } as const;
const PORT_ATTEMPTS = 3;

/** A cluster of real server processes on this machine. */
export class Cluster {
  readonly clusterId: string;
  readonly directory: string;
  readonly #nodes: ClusterNode[];
  readonly #makeNode: (place: NodePlace) => ClusterNode;
  readonly #readyTimeoutMs: number;
  readonly #connect: ConnectOptions;
  #closing: Promise<void> | null = null;

  constructor(
    clusterId: string,
    directory: string,
    nodes: readonly ClusterNode[],
    readyTimeoutMs: number,
    connect: ConnectOptions | undefined,
    makeNode: (place: NodePlace) => ClusterNode,
  ) {
    this.clusterId = clusterId;
    this.directory = directory;
    this.#nodes = [...nodes];
    this.#makeNode = makeNode;
    this.#readyTimeoutMs = readyTimeoutMs;
    this.#connect = connect ?? {};
  }

  get nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  /**
   * Starts one more node, which has nothing and waits to be added to the group; resolves when it listens. The
   * directory does not remember it: a cluster that is started again has the nodes that it began with.
   */
  async startJoining(): Promise<ClusterNode> {
    const nodeId = Math.max(...this.#nodes.map((node) => node.nodeId)) + 1;
    const taken = new Set(this.#nodes.map((node) => node.port));
    const port = await findFreePort(HOST, Math.max(...taken) + 1, taken);
    const node = this.#makeNode({ nodeId, host: HOST, port });
    this.#nodes.push(node);
    await node.start();
    return node;
  }

  /** Addresses of all nodes as `--endpoints` takes them. */
  get endpoints(): string {
    return this.nodes.map(formatAddress).join(",");
  }

  /** Starts every node that does not run; resolves when all of them listen. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  /**
   * Resolves when the nodes that run serve reads. Rejects with DT_SERVER_NOT_SERVING, or with
   * DT_SERVER_NODE_EXITED as soon as one of them ends.
   */
  async waitUntilServing(timeoutMs: number = this.#readyTimeoutMs): Promise<void> {
    const running = this.nodes.filter((node) => node.isRunning);
    const isOver = new AbortController();
    try {
      await Promise.race([
        waitUntilServing(running, timeoutMs, isOver.signal, this.#connect),
        ...running.map((node) => node.untilExited()),
      ]);
    } finally {
      isOver.abort();
    }
  }

  /** The node that leads; null when none does right now. */
  async leader(): Promise<ClusterNode | null> {
    const leaderId = await findLeader(
      this.nodes.filter((node) => node.isRunning),
      this.#connect,
    );
    return this.nodes.find((node) => node.nodeId === leaderId) ?? null;
  }

  /** Stops every process, gracefully first. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all(this.nodes.map((node) => node.stop(STOP_TIMEOUT_MS))).then(
      () => undefined,
    );
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Starts a cluster and resolves when it serves. Rejects with a `ServerError`, or with the reason of `signal`, and
 * then no process of it is left.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { signal } = options;
  for (let attempt = 1; ; attempt++) {
    const cluster = await prepareCluster(options);
    const onAbort = (): void => void cluster.close();
    signal?.addEventListener("abort", onAbort);
    try {
      signal?.throwIfAborted();
      await cluster.start();
      await cluster.waitUntilServing();
      return cluster;
    } catch (error) {
      await cluster.close();
      signal?.throwIfAborted();
      if (attempt === PORT_ATTEMPTS || !isPortTaken(error)) {
        throw error;
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

/**
 * Writes the configuration of every node, without starting any. Rejects with DT_SERVER_NODE_COUNT,
 * DT_SERVER_RUNNING, DT_SERVER_CLUSTER_FILE or DT_SERVER_NO_PORT before anything is changed.
 */
export async function prepareCluster(options: ClusterOptions): Promise<Cluster> {
  const directory = resolve(options.directory);
  const before = readClusterFile(directory);
  const wanted = options.nodeCount ?? before?.nodes.length ?? DEFAULT_NODE_COUNT;
  if (before !== null) {
    await checkReuse(directory, before, wanted, options.connect);
  }
  const clusterId = before?.clusterId ?? `local-${randomBytes(4).toString("hex")}`;
  const ports = await choosePorts(wanted, options.basePort, before);
  const description: ClusterDescription = {
    clusterId,
    nodes: ports.map((port, index) => ({ nodeId: index + 1, host: HOST, port })),
  };
  const makeNode = (place: NodePlace): ClusterNode =>
    new ClusterNode({
      ...place,
      directory: join(directory, `node-${place.nodeId}`),
      nodeFlags: options.nodeFlags ?? [],
      program: options.program,
      onExit: options.onExit ?? ignoreExit,
    });
  const nodes = description.nodes.map(makeNode);
  const settings = options.settings ?? {};
  mkdirSync(directory, { recursive: true });
  for (const node of nodes) {
    writeNodeConfig(node, memberSections(node, description), settings);
  }
  writeClusterFile(directory, description);
  const { readyTimeoutMs = READY_TIMEOUT_MS, connect } = options;
  return new Cluster(clusterId, directory, nodes, readyTimeoutMs, connect, (place) => {
    const node = makeNode(place);
    writeNodeConfig(node, joinSections(node, clusterId), settings);
    return node;
  });
}

function ignoreExit(): void {
  // Whoever does not ask sees it in `ClusterNode.exited`.
}

async function checkReuse(
  directory: string,
  { clusterId, nodes }: ClusterDescription,
  wanted: number,
  connect: ConnectOptions | undefined,
): Promise<void> {
  if (nodes.length !== wanted) {
    throw new ServerError({
      code: "DT_SERVER_NODE_COUNT",
      directory,
      found: nodes.length,
      wanted,
    });
  }
  for (const node of nodes) {
    if (await isClusterAt(node, clusterId, connect)) {
      throw new ServerError({
        code: "DT_SERVER_RUNNING",
        directory,
        address: formatAddress(node),
      });
    }
  }
}

async function choosePorts(
  count: number,
  basePort: number | undefined,
  before: ClusterDescription | null,
): Promise<number[]> {
  const ports = new Set<number>();
  let next = basePort ?? randomInt(RANDOM_PORTS.from, RANDOM_PORTS.to);
  for (let index = 0; index < count; index++) {
    const last = basePort === undefined ? before?.nodes[index]?.port : undefined;
    const port = await findFreePort(HOST, last ?? next, ports);
    ports.add(port);
    next = last === undefined ? port + 1 : next;
  }
  return [...ports];
}

function memberSections({ nodeId }: ClusterNode, { clusterId, nodes }: ClusterDescription): object {
  const members = nodes.map((node) => ({ id: node.nodeId, host: node.host, port: node.port }));
  return { cluster: { id: clusterId, members }, node: { id: nodeId } };
}

/** Of a node that waits to be added. */
function joinSections({ nodeId, host, port }: ClusterNode, clusterId: string): object {
  return {
    cluster: { id: clusterId, join: true },
    node: { id: nodeId },
    listen: { host, port },
  };
}

function writeNodeConfig(node: ClusterNode, sections: object, settings: NodeSettings): void {
  mkdirSync(join(node.configFile, ".."), { recursive: true });
  writeFileSync(node.configFile, stringify({ ...sections, dataDir: "./data", ...settings }));
}

/** Somebody else took a port after it had been found free. */
function isPortTaken(error: unknown): boolean {
  return (
    error instanceof ServerError &&
    error.fault.code === "DT_SERVER_NODE_EXITED" &&
    error.fault.exit.code === ExitCode.listen
  );
}
