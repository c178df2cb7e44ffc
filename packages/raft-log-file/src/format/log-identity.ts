import { LogError } from "../log-error.ts";

export const STORE_ID_BYTES = 16;

/** Which log a file belongs to: stands in every file of a log. */
export interface LogIdentity {
  readonly groupId: number;
  /** Identity of the data directory. */
  readonly storeId: Buffer;
}

/** Throws DT_LOG_FOREIGN_FILE unless both are the same log. */
export function checkIdentity(file: string, expected: LogIdentity, found: LogIdentity): void {
  if (found.groupId !== expected.groupId || !found.storeId.equals(expected.storeId)) {
    throw new LogError({
      code: "DT_LOG_FOREIGN_FILE",
      file,
      expected: describe(expected),
      found: describe(found),
    });
  }
}

/** Throws DT_LOG_FORMAT for a version that this program does not know. */
export function checkVersion(file: string, version: number, supported: number): void {
  if (version > supported) {
    throw new LogError({ code: "DT_LOG_FORMAT", file, version, supported });
  }
}

function describe(identity: LogIdentity): string {
  return `group ${identity.groupId} of store ${identity.storeId.toString("hex")}`;
}
