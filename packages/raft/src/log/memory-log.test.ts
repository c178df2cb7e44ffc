import { test } from "vitest";
import { runRaftLogConformance } from "../testing/log-conformance.ts";
import { MemoryLog } from "./memory-log.ts";

runRaftLogConformance({ test }, async () => {
  const log = new MemoryLog();
  return { log: () => log, dispose: () => log.close() };
});
