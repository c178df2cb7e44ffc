import { nodeFileSystem } from "@dt/raft-log-file";
import { FaultInjector, type InjectedFault } from "@dt/raft-log-file/testing";
import { runServer } from "../../src/index.ts";

/** What a test tells the process: the faults from now on, none to end them. */
export interface FaultMessage {
  readonly faults: readonly InjectedFault[];
}

const injector = new FaultInjector(nodeFileSystem);
process.on("message", ({ faults }: FaultMessage) => {
  injector.clear();
  for (const fault of faults) {
    injector.inject(fault);
  }
});
process.exitCode = await runServer(process.argv.slice(2), { fileSystem: injector });
