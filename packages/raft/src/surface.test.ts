import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import * as raft from "./index.ts";
import { DEFAULT_GROUP_OPTIONS } from "./node/group-options.ts";

const packageUrl = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("README.md", packageUrl), "utf8");
const errors = readFileSync(new URL("src/errors.ts", packageUrl), "utf8");

describe("the package's surface", () => {
  test("exports what it is meant to, and nothing else", () => {
    assert.deepEqual(Object.keys(raft).toSorted(), [
      "BatchBuilder",
      "COMPACTED_CODE",
      "ConfigKind",
      "DEFAULT_CORE_OPTIONS",
      "DEFAULT_GROUP_OPTIONS",
      "DropReason",
      "EntryType",
      "FORCED_TERMS",
      "INITIAL_CHAIN",
      "InputKind",
      "MemoryLog",
      "MemorySnapshotStore",
      "MessageKind",
      "NO_SPACE_CODE",
      "RECORD_ALIGNMENT",
      "RECORD_HEADER_BYTES",
      "RaftAdmin",
      "RaftClient",
      "RaftCore",
      "RaftError",
      "RaftGroup",
      "RaftServer",
      "Role",
      "SNAPSHOT_DAMAGED_CODE",
      "SNAPSHOT_NOT_FOUND_CODE",
      "chainAfter",
      "decodeConfigPayload",
      "encodeConfigPayload",
      "failRequest",
      "forceMembers",
      "isCompacted",
      "isSnapshotDamaged",
      "isSnapshotNotFound",
      "planForcedMembers",
      "recordBizType",
      "recordBytes",
      "recordHeaderCrc",
      "recordIndex",
      "recordLength",
      "recordOffset",
      "recordPayloadCrc",
      "recordTerm",
      "recordTimestamp",
      "recordType",
      "resolveGroupOptions",
      "scanRecords",
      "sealRecord",
      "sliceBatch",
      "storedBytes",
    ]);
  });

  test("the README lists exactly the error codes there are", () => {
    const union = errors.slice(
      errors.indexOf("export type RaftFault"),
      errors.indexOf("/** Codes"),
    );
    const declared = new Set(union.match(/DT_RAFT_\w+/g));
    const listed = new Set(
      [...readme.matchAll(/^\| `(DT_RAFT_\w+)`/gm)].map(([, code = ""]) => code),
    );
    assert.deepEqual(listed, declared);
  });

  test("the README lists exactly the options there are", () => {
    const table = readme.slice(readme.indexOf("## Options"), readme.indexOf("## Errors"));
    const rows = table.split("\n").filter((line) => line.startsWith("| `"));
    const listed = rows.flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    assert.deepEqual(new Set(listed), new Set(Object.keys(DEFAULT_GROUP_OPTIONS)));
  });
});
