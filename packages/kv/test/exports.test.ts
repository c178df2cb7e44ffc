import { expect, it } from "vitest";
import * as kv from "../src/index.ts";

it("exports these names and no others", () => {
  expect(Object.keys(kv).toSorted()).toEqual([
    "DEFAULT_KV_SERVER_OPTIONS",
    "EntryKind",
    "KvClient",
    "KvCommand",
    "KvError",
    "KvStateMachine",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_KEYS",
    "MAX_KEY_BYTES",
    "MAX_NODES",
    "MAX_VALUE_BYTES",
    "addKvCommands",
    "decodeGetReply",
    "decodeRevision",
    "encodeGet",
    "encodePut",
  ]);
});
