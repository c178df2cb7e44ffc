import { nodeFileSystem } from "@dt/raft-log-file";
import type { FileSystem, OpenMode, StoredFile } from "@dt/raft-log-file";
import { FaultInjector } from "@dt/raft-log-file/testing";
import { KV_GROUP_ID, runServer } from "../../src/index.ts";

/** The first open of the status file of the log, by the variable DT_TEST_STRANGE. */
export type Strange =
  /** meets a SIGHUP */
  | "hangup"
  /** meets a SIGTERM, and never ends */
  | "stop-and-hang"
  /** goes well, but no close of it does */
  | "no-close";

const STATUS = `/${KV_GROUP_ID}/status`;
const FOREVER_MS = 0x7fff_ffff;
const strange = process.env["DT_TEST_STRANGE"] as Strange;

class StrangeFileSystem extends FaultInjector implements FileSystem {
  #isOpened = false;

  override async open(path: string, mode: OpenMode): Promise<StoredFile> {
    if (!path.includes(STATUS)) {
      return super.open(path, mode);
    }
    const isFirst = !this.#isOpened;
    this.#isOpened = true;
    if (isFirst && strange === "hangup") {
      process.kill(process.pid, "SIGHUP");
    }
    if (isFirst && strange === "stop-and-hang") {
      process.kill(process.pid, "SIGTERM");
      await new Promise((resolve) => {
        setTimeout(resolve, FOREVER_MS);
      });
    }
    const file = await super.open(path, mode);
    return strange === "no-close" ? withoutClose(file, path) : file;
  }
}

/** Closes the file, and says that it could not. */
function withoutClose(file: StoredFile, path: string): StoredFile {
  const close = file.close.bind(file);
  return Object.assign(file, {
    close: async () => {
      await close();
      throw Object.assign(new Error(`EIO: close ${path}`), { code: "EIO" });
    },
  });
}

process.exitCode = await runServer(process.argv.slice(2), {
  fileSystem: new StrangeFileSystem(nodeFileSystem),
});
