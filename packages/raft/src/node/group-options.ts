import { DEFAULT_CORE_OPTIONS } from "../core/options.ts";
import type { CoreOptions } from "../core/options.ts";
import { RaftError } from "../errors.ts";

/** Timing and limits of one group. All optional; unknown names are refused. */
export interface GroupOptions extends Partial<CoreOptions> {
  /** Milliseconds between looks at the clock. Default 50; at most half of `heartbeatMs`. */
  readonly tickMs?: number;
  /** Writes that may wait. Default 50 000. Beyond it a write gets DT_RAFT_PROPOSALS_FULL. */
  readonly maxPendingProposals?: number;
  /** Bytes of the writes that may wait. Default 256 MiB. */
  readonly maxPendingBytes?: number;
  /** Reads that may wait for a confirmation. Default 100 000. */
  readonly maxPendingReads?: number;
  /** Largest payload of one entry. Default 2 MiB; must fit into a frame and a log segment. */
  readonly maxEntryBytes?: number;
  /** Milliseconds between tries to write when the disk is full. Default 1000. */
  readonly noSpaceRetryMs?: number;
  /** Milliseconds after which a snapshot is taken, when anything was applied. Default 3 600 000. */
  readonly snapshotEveryMs?: number;
  /** Bytes of log after which a snapshot is taken. Default 1 GiB. */
  readonly snapshotEveryBytes?: number;
  /** Entries after which a snapshot is taken. Default 100 000 000. */
  readonly snapshotEveryEntries?: number;
  /** Snapshots kept. Default 2, so that a damaged one has another behind it. */
  readonly snapshotKeep?: number;
  /** Entries kept in the log behind the oldest snapshot, for followers that lag. Default 100 000. */
  readonly snapshotTailEntries?: number;
  /** Bytes of one message of a snapshot transfer. Default 256 KiB; must fit into a frame. */
  readonly snapshotChunkBytes?: number;
  /** Messages of a transfer without an answer. Default 4. */
  readonly snapshotWindowChunks?: number;
  /** A transfer without an answer for this long has failed. Default 3000. */
  readonly snapshotTimeoutMs?: number;
}

export type ResolvedGroupOptions = Readonly<Required<GroupOptions>>;

export const DEFAULT_GROUP_OPTIONS: ResolvedGroupOptions = Object.freeze({
  ...DEFAULT_CORE_OPTIONS,
  tickMs: 50,
  maxPendingProposals: 50_000,
  maxPendingBytes: 256 << 20,
  maxPendingReads: 100_000,
  maxEntryBytes: 2 << 20,
  noSpaceRetryMs: 1000,
  snapshotEveryMs: 3_600_000,
  snapshotEveryBytes: 1 << 30,
  snapshotEveryEntries: 100_000_000,
  snapshotKeep: 2,
  snapshotTailEntries: 100_000,
  snapshotChunkBytes: 256 << 10,
  snapshotWindowChunks: 4,
  snapshotTimeoutMs: 3000,
});

const POSITIVE_INTEGERS = [
  "electionTimeoutMinMs",
  "electionTimeoutMaxMs",
  "heartbeatMs",
  "tickMs",
  "maxAppendBytes",
  "windowAppends",
  "windowBytes",
  "tailBytes",
  "catchUpEntries",
  "maxPendingProposals",
  "maxPendingBytes",
  "maxPendingReads",
  "maxEntryBytes",
  "noSpaceRetryMs",
  "snapshotEveryMs",
  "snapshotEveryBytes",
  "snapshotEveryEntries",
  "snapshotKeep",
  "snapshotChunkBytes",
  "snapshotWindowChunks",
  "snapshotTimeoutMs",
] as const;

/** Fills in the defaults and checks ranges and relations; throws DT_RAFT_OPTIONS with every problem. */
export function resolveGroupOptions(input: GroupOptions = {}): ResolvedGroupOptions {
  const problems: string[] = [];
  for (const name of Object.keys(input)) {
    if (!Object.hasOwn(DEFAULT_GROUP_OPTIONS, name)) {
      problems.push(`${name}: unknown option`);
    }
  }
  const given = Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== undefined),
  );
  const options: ResolvedGroupOptions = { ...DEFAULT_GROUP_OPTIONS, ...given };
  for (const name of POSITIVE_INTEGERS) {
    if (!Number.isSafeInteger(options[name]) || options[name] < 1) {
      problems.push(`${name}: ${String(options[name])} is not a positive integer`);
    }
  }
  for (const name of ["preVote", "checkQuorum", "leaseReads"] as const) {
    if (typeof options[name] !== "boolean") {
      problems.push(`${name}: ${String(options[name])} is not a boolean`);
    }
  }
  if (!Number.isSafeInteger(options.snapshotTailEntries) || options.snapshotTailEntries < 0) {
    const value = String(options.snapshotTailEntries);
    problems.push(`snapshotTailEntries: ${value} is not an integer from 0 on`);
  }
  const drift = options.leaseDriftPercent;
  if (!(drift >= 0 && drift < 100)) {
    problems.push(`leaseDriftPercent: ${String(drift)} is not in 0..99`);
  }
  if (problems.length === 0) {
    checkRelations(options, problems);
  }
  if (problems.length > 0) {
    throw new RaftError({ code: "DT_RAFT_OPTIONS", problems });
  }
  return Object.freeze(options);
}

function checkRelations(options: ResolvedGroupOptions, problems: string[]): void {
  if (options.electionTimeoutMinMs < 3 * options.heartbeatMs) {
    problems.push(
      `electionTimeoutMinMs: ${options.electionTimeoutMinMs} is below 3 x heartbeatMs (${options.heartbeatMs})`,
    );
  }
  if (options.electionTimeoutMaxMs <= options.electionTimeoutMinMs) {
    problems.push(
      `electionTimeoutMaxMs: ${options.electionTimeoutMaxMs} is not above electionTimeoutMinMs (${options.electionTimeoutMinMs})`,
    );
  }
  if (options.tickMs * 2 > options.heartbeatMs) {
    problems.push(`tickMs: ${options.tickMs} is over half of heartbeatMs (${options.heartbeatMs})`);
  }
  if (options.windowBytes < options.maxAppendBytes) {
    problems.push(
      `windowBytes: ${options.windowBytes} is below maxAppendBytes (${options.maxAppendBytes})`,
    );
  }
  if (options.maxPendingBytes < options.maxEntryBytes) {
    problems.push(
      `maxPendingBytes: ${options.maxPendingBytes} is below maxEntryBytes (${options.maxEntryBytes})`,
    );
  }
}
