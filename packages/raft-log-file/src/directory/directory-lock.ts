import { randomBytes } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { errorNumber, LogError } from "../log-error.ts";

const LOCK_NAME = "LOCK";
const UNLISTED_PREFIX = "new-";
/** How long to wait for another contender's decision before calling the directory in use. */
const DECISION_MS = 800;
const OWNED = "owned";

/**
 * Holds a data directory for one owner, as long as its process lives.
 *
 * Every contender listens on a unix socket of its own inside `LOCK`, under a name that is never used
 * again, and only then looks at the others. A socket that refuses connections is that of a dead
 * process, whatever its process id is now, and is removed; a living one is the owner's or another
 * contender's. Of two that see each other the one with the lower name goes on; because each was
 * visible before it looked, no two can miss each other. Nothing has to be cleaned up after a kill,
 * and a stopped owner still owns: the kernel accepts connections for it.
 *
 * Plain lock files cannot tell a dead owner from a new process with its id; locks of the kernel are
 * out of reach without native code; sockets without a name in the file system are not seen from
 * another container that has the same directory mounted.
 */
export class DirectoryLock {
  readonly #claim: Claim;

  private constructor(claim: Claim) {
    this.#claim = claim;
  }

  /** Throws DT_LOG_IN_USE, with the owner's process id, within a second; DT_LOG_LOCK. */
  static async acquire(directory: string): Promise<DirectoryLock> {
    try {
      return await this.#acquire(directory);
    } catch (error) {
      if (error instanceof LogError) {
        throw error;
      }
      const reason = error instanceof Error ? error.message : String(error);
      throw new LogError({ code: "DT_LOG_LOCK", directory, reason }, { cause: error });
    }
  }

  static async #acquire(directory: string): Promise<DirectoryLock> {
    const lock = join(directory, LOCK_NAME);
    await fs.mkdir(lock, { recursive: true });
    const deadline = AbortSignal.timeout(DECISION_MS);
    let claim = await makeClaim(lock);
    while (claim === null && !deadline.aborted) {
      claim = await makeClaim(lock);
    }
    if (claim === null) {
      // Somebody sweeps all the time: an owner does that once, so there were many of them.
      throw new LogError({ code: "DT_LOG_IN_USE", directory, pid: 0 });
    }
    const held = new DirectoryLock(claim);
    try {
      await outlast(claim, lock, directory, deadline);
      claim.isOwner = true;
      for (const socket of claim.waiting) {
        socket.end(OWNED);
      }
      await sweep(lock);
      claim.server.unref();
      return held;
    } catch (error) {
      await held.release();
      throw error;
    }
  }

  /** Lets the next one have the directory. */
  release(): Promise<void> {
    return closeClaim(this.#claim);
  }
}

interface Claim {
  readonly server: Server;
  /** Keeps short paths to the sockets possible; null where they are not needed. */
  readonly handle: fs.FileHandle | null;
  readonly name: string;
  readonly path: string;
  /** Contenders that wait for this one's decision. */
  readonly waiting: Set<Socket>;
  isOwner: boolean;
}

/**
 * Listens, and becomes visible only then: a socket that does not listen yet would look dead. Null
 * when the socket was removed before it was visible.
 */
async function makeClaim(lock: string): Promise<Claim | null> {
  const name = `${process.pid}-${randomBytes(8).toString("hex")}`;
  const unlisted = UNLISTED_PREFIX + name;
  const handle =
    process.platform === "linux"
      ? await fs.open(lock, constants.O_RDONLY | constants.O_DIRECTORY)
      : null;
  const server = createServer();
  const path = join(lock, name);
  const claim: Claim = { server, handle, name, path, waiting: new Set(), isOwner: false };
  server.on("connection", (socket) => answer(claim, socket));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath(handle, lock, unlisted), resolve);
    });
    await fs.rename(join(lock, unlisted), path);
    return claim;
  } catch (error) {
    await closeClaim(claim);
    if (errorNumber(error) === "ENOENT") {
      return null;
    }
    throw error;
  }
}

/** Tells a contender that this claim owns, now or when it does. */
function answer(claim: Claim, socket: Socket): void {
  claim.waiting.add(socket);
  socket.unref();
  socket.on("error", () => socket.destroy()); // The other side is gone, and with it the question.
  socket.on("close", () => claim.waiting.delete(socket));
  if (claim.isOwner) {
    socket.end(OWNED);
  }
}

async function closeClaim(claim: Claim): Promise<void> {
  await fs.rm(claim.path, { force: true });
  for (const socket of claim.waiting) {
    socket.destroy();
  }
  if (claim.server.listening) {
    await new Promise<void>((resolve) => {
      claim.server.close(() => resolve());
    });
  }
  await claim.handle?.close();
}

/** Resolves when no other living claim is left. Throws DT_LOG_IN_USE. */
async function outlast(
  claim: Claim,
  lock: string,
  directory: string,
  deadline: AbortSignal,
): Promise<void> {
  for (const other of await fs.readdir(lock)) {
    if (other === claim.name || other.startsWith(UNLISTED_PREFIX)) {
      continue;
    }
    const found = await ask(socketPath(claim.handle, lock, other), other > claim.name, deadline);
    if (found === "dead") {
      await fs.rm(join(lock, other), { force: true });
    } else if (found === "alive") {
      throw new LogError({ code: "DT_LOG_IN_USE", directory, pid: Number.parseInt(other, 10) });
    }
  }
}

/**
 * Finds out about another claim. `mayWait`: when its owner has not decided yet, wait until it has
 * given up, or has not; else a living one is taken at its word.
 */
function ask(
  path: string,
  mayWait: boolean,
  deadline: AbortSignal,
): Promise<"alive" | "dead" | "gone"> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    const expire = (): void => finish("alive");
    const finish = (found: "alive" | "dead" | "gone"): void => {
      deadline.removeEventListener("abort", expire);
      socket.destroy();
      resolve(found);
    };
    deadline.addEventListener("abort", expire);
    socket.on("connect", () => {
      if (!mayWait || deadline.aborted) {
        finish("alive");
      }
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text === OWNED) {
        finish("alive");
      }
    });
    socket.on("end", () => finish("gone"));
    socket.on("error", (error) => {
      switch (errorNumber(error)) {
        case "ECONNREFUSED":
          finish("dead");
          return;
        case "ENOENT":
        case "ECONNRESET":
          finish("gone");
          return;
        case "EAGAIN":
          finish("alive"); // Its queue of connections is full.
          return;
        default:
          deadline.removeEventListener("abort", expire);
          reject(error);
      }
    });
  });
}

/** Removes what contenders left that died before they were visible. */
async function sweep(lock: string): Promise<void> {
  for (const name of await fs.readdir(lock)) {
    if (name.startsWith(UNLISTED_PREFIX)) {
      await fs.rm(join(lock, name), { force: true });
    }
  }
}

/** The address of a socket may have about 100 bytes; on Linux a descriptor stands for a long directory. */
function socketPath(handle: fs.FileHandle | null, lock: string, name: string): string {
  return handle === null ? join(lock, name) : `/proc/self/fd/${handle.fd}/${name}`;
}
