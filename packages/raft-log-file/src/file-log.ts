import type { EntryBatch, LogState, RaftLog, Write } from "@dt/raft";
import { join } from "node:path";
import { Appender } from "./appender.ts";
import { FileCache } from "./file-cache.ts";
import { syncFile, writeFrom } from "./file-io.ts";
import type { FileSystem } from "./file-system.ts";
import {
  ensureDirectory,
  listLogDirectory,
  NEXT_NAME,
  segmentsPath,
  statusPath,
} from "./log-directory.ts";
import { errorNumber, LogError } from "./log-error.ts";
import { LogReader } from "./log-reader.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import {
  type FileLogOptions,
  resolveFileLogOptions,
  type ResolvedFileLogOptions,
} from "./options.ts";
import { recover } from "./recovery.ts";
import { repair } from "./repair.ts";
import { newSegment, type Segment } from "./segment.ts";
import { openFilled } from "./segment-filler.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SegmentList } from "./segment-list.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { type LogIdentity, StatusFile } from "./status-file.ts";

/** Where a log is and whose it is. */
export interface FileLogLocation extends LogIdentity {
  /** The group's own directory, `<data>/<group id>`. */
  readonly directory: string;
}

interface OpenParts {
  readonly segments: SegmentList;
  readonly reader: LogReader;
  readonly files: FileCache;
  readonly writer: SegmentWriter;
  readonly appender: Appender;
  readonly status: StatusFile;
}

/** A group's log in segment files. See FORMAT.md for what is on the disk and in which order it gets there. */
export class FileLog implements RaftLog {
  readonly #location: FileLogLocation;
  readonly #options: ResolvedFileLogOptions;
  readonly #fileSystem: FileSystem;
  #parts: OpenParts | null = null;
  #closing: Promise<void> | null = null;
  #isClosed = false;

  constructor(
    location: FileLogLocation,
    options: FileLogOptions = {},
    fileSystem: FileSystem = nodeFileSystem,
  ) {
    this.#location = location;
    this.#options = resolveFileLogOptions(options);
    this.#fileSystem = fileSystem;
  }

  /** True once `close` has finished. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Recovers what is stored. Once per object. */
  async open(): Promise<LogState> {
    const { directory } = this.#location;
    const path = segmentsPath(directory);
    await ensureDirectory(this.#fileSystem, path);
    const listing = await listLogDirectory(this.#fileSystem, path);
    const status = await this.#openStatus(listing.segments.length > 0);
    const recovered = await recover(this.#fileSystem, path, listing, this.#location);
    await repair(this.#fileSystem, path, listing, recovered);
    await status.repair();
    const found = recovered.segments;
    const segments = new SegmentList(found.length > 0 ? found : [await this.#firstSegment(path)]);
    this.#parts = await this.#assemble(path, segments, status);
    return {
      hardState: status.status.hardState,
      firstIndex: segments.firstIndex,
      lastIndex: segments.nextIndex - 1,
      lastChain: segments.last.lastChain,
      termRuns: segments.termRuns(),
    };
  }

  write(write: Write, done: (error: Error | null) => void): void {
    if (this.#parts === null || this.#closing !== null) {
      queueMicrotask(() => done(this.#closed()));
    } else {
      this.#parts.appender.write(write, done);
    }
  }

  read(firstIndex: number, lastIndex: number, maxBytes: number): Promise<EntryBatch[]> {
    return this.#parts === null || this.#closing !== null
      ? Promise.reject(this.#closed())
      : this.#parts.reader.read(firstIndex, lastIndex, maxBytes);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const parts = this.#parts;
    if (parts !== null) {
      await parts.appender.drain();
      await parts.writer.close();
      await parts.files.close();
      await parts.status.close();
    }
    this.#isClosed = true;
  }

  async #openStatus(hasSegments: boolean): Promise<StatusFile> {
    const path = statusPath(this.#location.directory);
    const isSynced = this.#options.durability === "fsync";
    try {
      return await StatusFile.open(this.#fileSystem, path, this.#location, isSynced);
    } catch (error) {
      if (errorNumber(error) !== "ENOENT" || hasSegments) {
        throw error;
      }
    }
    const status = await StatusFile.create(this.#fileSystem, path, this.#location, isSynced);
    await this.#fileSystem.syncDirectory(this.#location.directory);
    return status;
  }

  async #firstSegment(path: string): Promise<Segment> {
    const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const { groupId, storeId } = this.#location;
    const segment = newSegment(
      path,
      {
        groupId,
        storeId,
        sequence: 1,
        firstIndex: 1,
        prevTerm: 0,
        prevChain: 0,
        segmentBytes: this.#options.segmentBytes,
        isSynced: this.#options.durability === "fsync",
      },
      block,
    );
    const temporary = join(path, NEXT_NAME);
    const file = await this.#fileSystem.open(temporary, "create");
    await writeFrom(file, block, 0, block.length, 0);
    await syncFile(file);
    await file.close();
    await this.#fileSystem.rename(temporary, segment.path);
    await this.#fileSystem.syncDirectory(path);
    return segment;
  }

  async #assemble(path: string, segments: SegmentList, status: StatusFile): Promise<OpenParts> {
    const { directory, groupId, storeId } = this.#location;
    const { segmentBytes, durability, readerFiles } = this.#options;
    const fileSystem = this.#fileSystem;
    const files = new FileCache(fileSystem, readerFiles);
    const reader = new LogReader(segments, files);
    const current = await openFilled(fileSystem, segments.last.path, "write", 0);
    current.filledBytes = await current.file.size();
    const writer = new SegmentWriter(
      {
        fileSystem,
        directory: path,
        identity: { groupId, storeId },
        segmentBytes,
        isSynced: durability === "fsync",
        segments,
        onInstalled: (sealed, replaced) => this.#onInstalled(sealed, replaced),
        onBroken: (error) => this.#parts?.appender.fail(error),
      },
      current,
    );
    const appender = new Appender({
      segments,
      segmentBytes,
      status,
      statusPath: statusPath(directory),
      reader,
      writer,
    });
    return { segments, reader, files, writer, appender, status };
  }

  #onInstalled(sealed: Segment, replaced: readonly Segment[]): void {
    for (const segment of replaced) {
      this.#parts?.files.drop(segment.path);
    }
    void sealed;
  }

  #closed(): LogError {
    return new LogError({ code: "DT_LOG_CLOSED", directory: this.#location.directory });
  }
}
