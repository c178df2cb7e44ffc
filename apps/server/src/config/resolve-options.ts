import { RaftError, resolveGroupOptions } from "@dt/raft";
import type { GroupOptions, ResolvedGroupOptions } from "@dt/raft";
import { LogError, resolveFileLogOptions } from "@dt/raft-log-file";
import type { FileLogOptions, ResolvedFileLogOptions } from "@dt/raft-log-file";
import { DEFAULTS, RpcError, RpcServer } from "@dt/rpc";
import type { ConfigProblem } from "../server-error.ts";
import { GROUP_LIMIT_KEYS, RPC_LIMIT_KEYS } from "./schema.ts";
import type { RawConfig } from "./schema.ts";
import type { RpcLimits } from "./server-config.ts";

/** The options of the packages that this process is made of. */
export interface PackageOptions {
  readonly group: ResolvedGroupOptions;
  readonly storage: ResolvedFileLogOptions;
  readonly rpc: RpcLimits;
}

const LIMIT_NAMES: ReadonlySet<string> = new Set([...GROUP_LIMIT_KEYS, ...RPC_LIMIT_KEYS]);

/** Headers of a frame and of the append message in it, with room to spare. */
const FRAME_OVERHEAD_BYTES = 4096;
/** Headers of a segment, of a flush and of the record in it, with room to spare. */
const SEGMENT_OVERHEAD_BYTES = 8192;

/**
 * Lets each package check its own options, then checks the relations between packages. Null when something is
 * wrong; everything that is goes to `problems`.
 */
export function resolveOptions(
  raft: RawConfig["raft"],
  limits: RawConfig["limits"],
  storage: RawConfig["storage"],
  snapshot: Partial<RawConfig["snapshot"]>,
  problems: ConfigProblem[],
): PackageOptions | null {
  const group = resolveGroup(raft, limits, snapshot, problems);
  const log = resolveStorage(storage, problems);
  const rpc = resolveRpc(limits, problems);
  if (group !== null && rpc !== null) {
    checkFrames(group, rpc, problems);
  }
  if (group !== null && log !== null) {
    checkRecords(group, log, problems);
  }
  return group === null || log === null || rpc === null ? null : { group, storage: log, rpc };
}

function checkFrames(
  { maxEntryBytes, maxAppendBytes }: ResolvedGroupOptions,
  { maxFrameBytes = DEFAULTS.maxFrameBytes }: RpcLimits,
  problems: ConfigProblem[],
): void {
  if (maxFrameBytes < maxEntryBytes + FRAME_OVERHEAD_BYTES) {
    problems.push({
      path: "limits.maxFrameBytes",
      message:
        `${maxFrameBytes} is below limits.maxEntryBytes (${maxEntryBytes}) ` +
        `and ${FRAME_OVERHEAD_BYTES} for headers`,
    });
  }
  if (maxFrameBytes < maxAppendBytes + FRAME_OVERHEAD_BYTES) {
    problems.push({
      path: "raft.maxAppendBytes",
      message:
        `${maxAppendBytes} and ${FRAME_OVERHEAD_BYTES} for headers ` +
        `are over limits.maxFrameBytes (${maxFrameBytes})`,
    });
  }
}

function checkRecords(
  { maxEntryBytes }: ResolvedGroupOptions,
  { segmentBytes }: ResolvedFileLogOptions,
  problems: ConfigProblem[],
): void {
  if (segmentBytes < maxEntryBytes + SEGMENT_OVERHEAD_BYTES) {
    problems.push({
      path: "storage.segmentBytes",
      message:
        `${segmentBytes} is below limits.maxEntryBytes (${maxEntryBytes}) ` +
        `and ${SEGMENT_OVERHEAD_BYTES} for headers`,
    });
  }
}

function resolveGroup(
  raft: RawConfig["raft"],
  limits: RawConfig["limits"],
  snapshot: Partial<RawConfig["snapshot"]>,
  problems: ConfigProblem[],
): ResolvedGroupOptions | null {
  const options: GroupOptions = {
    ...definedOnly(raft),
    ...pick(limits, GROUP_LIMIT_KEYS),
    ...snapshotOptions(snapshot),
  };
  try {
    return resolveGroupOptions(options);
  } catch (error) {
    if (error instanceof RaftError && error.fault.code === "DT_RAFT_OPTIONS") {
      place(error.fault.problems, "raft", problems);
      return null;
    }
    throw error;
  }
}

/** The ranges have been checked: what is wrong is left out here. */
function snapshotOptions({
  everySeconds,
  everyBytes,
  everyEntries,
  keep,
  tailEntries,
}: Partial<RawConfig["snapshot"]>): GroupOptions {
  return definedOnly({
    snapshotEveryMs: everySeconds === undefined ? undefined : everySeconds * 1000,
    snapshotEveryBytes: everyBytes,
    snapshotEveryEntries: everyEntries,
    snapshotKeep: keep,
    snapshotTailEntries: tailEntries,
  });
}

function resolveStorage(
  storage: RawConfig["storage"],
  problems: ConfigProblem[],
): ResolvedFileLogOptions | null {
  const options: FileLogOptions = definedOnly(storage);
  try {
    return resolveFileLogOptions(options);
  } catch (error) {
    if (error instanceof LogError && error.fault.code === "DT_LOG_OPTIONS") {
      place(error.fault.problems, "storage", problems);
      return null;
    }
    throw error;
  }
}

function resolveRpc(limits: RawConfig["limits"], problems: ConfigProblem[]): RpcLimits | null {
  const options: RpcLimits = Object.freeze(pick(limits, RPC_LIMIT_KEYS));
  try {
    // A server checks its options when it is made; this one never listens.
    void new RpcServer(options);
    return options;
  } catch (error) {
    if (error instanceof RpcError && error.fault.code === "DT_RPC_OPTIONS") {
      place(error.fault.problems, "limits", problems);
      return null;
    }
    throw error;
  }
}

/** Problems of a package start with the option's name; here each gets the section that the option is in. */
function place(found: readonly string[], section: string, problems: ConfigProblem[]): void {
  for (const text of found) {
    const colon = text.indexOf(": ");
    const name = text.slice(0, colon);
    problems.push({
      path: `${LIMIT_NAMES.has(name) ? "limits" : section}.${name}`,
      message: text.slice(colon + 2),
    });
  }
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function definedOnly<T extends object>(options: T): Partial<Defined<T>> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<Defined<T>>;
}

function pick<T extends object, K extends keyof T & string>(
  options: T,
  keys: readonly K[],
): Partial<Defined<Pick<T, K>>> {
  return definedOnly(
    Object.fromEntries(keys.map((key) => [key, options[key]])) as unknown as Pick<T, K>,
  );
}
