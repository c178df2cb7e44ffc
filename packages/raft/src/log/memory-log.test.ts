import { test } from "vitest";
import { runRaftLogConformance } from "../testing/log-conformance.ts";
import { runLogHeadConformance } from "../testing/log-head-conformance.ts";
import { MemoryLog } from "./memory-log.ts";

async function create() {
  const log = new MemoryLog();
  return Promise.resolve({ log: () => log, dispose: () => log.close() });
}

runRaftLogConformance({ test }, create);
runLogHeadConformance({ test }, create);
