import { dirname } from "node:path";
import type { FileSystem, StoredFile } from "../file-system.ts";
import { LogError } from "../log-error.ts";

interface CachedFile {
  readonly path: string;
  readonly file: Promise<StoredFile>;
  users: number;
  /** No longer in the cache: closed by its last user. */
  isDropped: boolean;
}

/** Open files for reading, shared by readers; keeps the `capacity` that were used last. */
export class FileCache {
  readonly #fileSystem: FileSystem;
  readonly #capacity: number;
  /** In order of use, oldest first. */
  readonly #files = new Map<string, CachedFile>();
  /** Those, and what was dropped and is not closed yet. */
  readonly #open = new Set<CachedFile>();
  #isClosed = false;
  #onClosed: (() => void) | null = null;

  constructor(fileSystem: FileSystem, capacity: number) {
    this.#fileSystem = fileSystem;
    this.#capacity = capacity;
  }

  /** Runs `use` with the file at `path`, which stays open at least until it settles. Throws DT_LOG_CLOSED. */
  async with<T>(path: string, use: (file: StoredFile) => Promise<T>): Promise<T> {
    if (this.#isClosed) {
      throw new LogError({ code: "DT_LOG_CLOSED", directory: dirname(path) });
    }
    const cached = this.#take(path);
    cached.users++;
    try {
      return await use(await cached.file);
    } catch (error) {
      this.drop(path, cached);
      throw error;
    } finally {
      cached.users--;
      this.#closeUnused(cached);
    }
  }

  /** Forgets the file at `path`: another one is there now, or none. */
  drop(path: string, only?: CachedFile): void {
    const cached = this.#files.get(path);
    if (cached !== undefined && (only === undefined || cached === only)) {
      this.#files.delete(path);
      cached.isDropped = true;
      this.#closeUnused(cached);
    }
  }

  /** Closes every file, those in use after their use, and waits for it. */
  async clear(): Promise<void> {
    for (const path of this.#files.keys()) {
      this.drop(path);
    }
    while (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onClosed = resolve;
      });
    }
  }

  /** As `clear`, and opens none any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.clear();
  }

  #take(path: string): CachedFile {
    const found = this.#files.get(path);
    if (found !== undefined) {
      this.#files.delete(path);
      this.#files.set(path, found);
      return found;
    }
    const file = this.#fileSystem.open(path, "read");
    const cached: CachedFile = { path, file, users: 0, isDropped: false };
    this.#files.set(path, cached);
    this.#open.add(cached);
    const oldest = this.#files.keys().next().value;
    if (this.#files.size > this.#capacity && oldest !== undefined) {
      this.drop(oldest);
    }
    return cached;
  }

  #closeUnused(cached: CachedFile): void {
    if (cached.isDropped && cached.users === 0) {
      const closed = (): void => {
        this.#open.delete(cached);
        this.#onClosed?.();
      };
      // It never opened, and its user got the error; or it is closed whatever that says, and was only read.
      cached.file.then((file) => file.close()).then(closed, closed);
    }
  }
}
