import { expect, test } from "vitest";
import * as raftLogFile from "../src/index.ts";
import * as testing from "../src/testing/index.ts";

test("exports these names and no others", () => {
  expect(Object.keys(raftLogFile).toSorted()).toEqual([
    "DEFAULT_FILE_LOG_OPTIONS",
    "DEFAULT_SNAPSHOT_STORE_OPTIONS",
    "DataDirectory",
    "FileLog",
    "FileSnapshotStore",
    "LogError",
    "SnapshotError",
    "adoptCopy",
    "inspectLog",
    "inspectSnapshots",
    "isCopy",
    "maxRecordBytes",
    "measureDisk",
    "nodeFileSystem",
    "planRepair",
    "readIdentity",
    "readStoredSnapshot",
    "repairLogs",
    "resolveFileLogOptions",
    "resolveSnapshotStoreOptions",
    "verifyLogs",
    "verifySnapshot",
  ]);
});

test("exports these names for tests and no others", () => {
  expect(Object.keys(testing).toSorted()).toEqual([
    "EVERYTHING_SURVIVES",
    "FaultInjector",
    "FaultyDisk",
    "NOTHING_SURVIVES",
    "PowerLossFailure",
    "SECTOR_BYTES",
    "randomCrash",
    "randomDelays",
    "randomFaults",
    "runPowerLoss",
  ]);
});
