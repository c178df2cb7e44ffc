import { LogError } from "../log-error.ts";

export interface SnapshotStoreOptions {
  /** Finished snapshots that stay when another is finished, the newest; 1 to 1000000. Default 1000000: whoever uses the store removes them. */
  readonly retain?: number;
  /** Snapshots that may be written at a time, 1 to 1024. Default 4. */
  readonly maxWriters?: number;
}

export type ResolvedSnapshotStoreOptions = Readonly<Required<SnapshotStoreOptions>>;

export const DEFAULT_SNAPSHOT_STORE_OPTIONS: ResolvedSnapshotStoreOptions = Object.freeze({
  retain: 1_000_000,
  maxWriters: 4,
});

const HIGHEST: ResolvedSnapshotStoreOptions = { retain: 1_000_000, maxWriters: 1024 };

/** Checks and completes options. Throws DT_LOG_OPTIONS with every problem. */
export function resolveSnapshotStoreOptions(
  input: SnapshotStoreOptions = {},
): ResolvedSnapshotStoreOptions {
  const problems: string[] = [];
  for (const key of Object.keys(input)) {
    if (!(key in DEFAULT_SNAPSHOT_STORE_OPTIONS)) {
      problems.push(`${key}: unknown option`);
    }
  }
  const options = { ...DEFAULT_SNAPSHOT_STORE_OPTIONS, ...input };
  for (const key of ["retain", "maxWriters"] as const) {
    const value = options[key];
    if (!Number.isInteger(value) || value < 1 || value > HIGHEST[key]) {
      problems.push(`${key}: ${value} is not an integer from 1 to ${HIGHEST[key]}`);
    }
  }
  if (problems.length > 0) {
    throw new LogError({ code: "DT_LOG_OPTIONS", problems });
  }
  return Object.freeze(options);
}
