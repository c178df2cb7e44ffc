import { connect, createServer } from "node:net";
import { lstat, unlink } from "node:fs/promises";
import { describeAddress } from "./options.ts";
import { isAddressInUse, isRefused, listenError } from "./socket-error.ts";
import type { Server, Socket } from "node:net";
import type { Logger } from "./logger.ts";
import type { Address } from "./options.ts";

/** A listening socket. */
export class Listener {
  readonly #server: Server;
  readonly #logger: Logger;
  /** Ends the attempt to listen that is under way. */
  #giveUp: ((error: Error) => void) | null = null;
  #isClosed = false;

  constructor(onSocket: (socket: Socket) => void, logger: Logger) {
    this.#server = createServer({ noDelay: true }, onSocket);
    this.#logger = logger;
  }

  /** Resolves with the address in use; rejects with DT_RPC_LISTEN. */
  async listen(address: Address): Promise<Address> {
    try {
      return await this.#bind(address);
    } catch (error) {
      if ("path" in address && isAddressInUse(error) && (await isStale(address.path))) {
        this.#logger.warn({ path: address.path }, "took over the socket file of a dead process");
        return this.#retry(address, address.path);
      }
      throw listenError(describeAddress(address), error);
    }
  }

  /** Stops accepting; resolves when every accepted socket has closed. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#giveUp?.(closedError());
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #retry(address: Address, path: string): Promise<Address> {
    try {
      await unlink(path);
      return await this.#bind(address);
    } catch (error) {
      throw listenError(describeAddress(address), error);
    }
  }

  #bind(address: Address): Promise<Address> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(closedError());
        return;
      }
      this.#giveUp = reject;
      server.once("error", reject);
      server.listen({ ...address }, () => {
        this.#giveUp = null;
        server.off("error", reject);
        server.on("error", this.#onError);
        const bound = server.address();
        resolve(
          bound !== null && typeof bound === "object"
            ? { host: bound.address, port: bound.port }
            : address,
        );
      });
    });
  }

  readonly #onError = (error: Error): void => {
    this.#logger.error({ err: error }, "the listening socket failed");
  };
}

/** As the system says of what was under way when its file was closed. */
function closedError(): Error {
  return Object.assign(new Error("closed before it has listened"), { code: "ECANCELED" });
}

/**
 * Whether a socket file was left by a process that is gone: it is a socket, nobody answers at it, and it is
 * still the same file afterwards. Two processes that start at the very same moment may both find so, and
 * the later one has the path.
 */
async function isStale(path: string): Promise<boolean> {
  const before = await socketFile(path);
  if (before === null || !(await isDead(path))) {
    return false;
  }
  const after = await socketFile(path);
  return after !== null && after.ino === before.ino && after.ctimeMs === before.ctimeMs;
}

async function socketFile(path: string): Promise<{ ino: number; ctimeMs: number } | null> {
  try {
    const found = await lstat(path);
    return found.isSocket() ? found : null;
  } catch {
    // Not there, or not to be seen: in either case nothing to take over.
    return null;
  }
}

function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error) => {
      resolve(isRefused(error));
    });
  });
}
