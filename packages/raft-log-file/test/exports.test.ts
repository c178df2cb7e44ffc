import { expect, test } from "vitest";
import * as raftLogFile from "../src/index.ts";

test("exports these names and no others", () => {
  expect(Object.keys(raftLogFile).toSorted()).toEqual([
    "DEFAULT_FILE_LOG_OPTIONS",
    "DataDirectory",
    "FileLog",
    "LogError",
    "inspectLog",
    "maxRecordBytes",
    "measureDisk",
    "nodeFileSystem",
    "resolveFileLogOptions",
    "verifyLogs",
  ]);
});
