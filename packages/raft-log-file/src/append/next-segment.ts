import type { FileSystem } from "../file-system.ts";
import type { LogIdentity } from "../format/log-identity.ts";
import { SEGMENT_HEADER_BYTES } from "../format/segment-header.ts";
import { isOutOfSpace, type LogError } from "../log-error.ts";
import { newSegment, type NewSegmentFields, type Segment } from "../segment/segment.ts";
import type { Flushed } from "./current-segment.ts";
import type { FlushBuffer } from "./flush-buffer.ts";
import type { FilledFile, SegmentFiller } from "./segment-filler.ts";
import { noSpace, poisoned } from "./write-failure.ts";

export interface NextSegmentContext {
  readonly fileSystem: FileSystem;
  /** Where the segments are. */
  readonly directory: string;
  readonly identity: LogIdentity;
  readonly segmentBytes: number;
  readonly isSynced: boolean;
}

/** What makes it part of a log. */
export interface Succession {
  /** Makes the segment before it whole on the disk. */
  seal(): Promise<void>;
  /** It has its name, durably: from here on it is part of the log. */
  takeOver(segment: Segment, file: FilledFile): Promise<void>;
}

/** The segment that the next flush begins, if it is to begin one: from a file with a temporary name to its place in the log. */
export class NextSegment {
  readonly #context: NextSegmentContext;
  readonly #buffer: FlushBuffer;
  readonly #filler: SegmentFiller;
  readonly #succession: Succession;
  #segment: Segment | null = null;
  #file: FilledFile | null = null;
  #flushed: Flushed | null = null;

  /** Its header is put into `buffer`, and what that holds is its first flush. */
  constructor(
    context: NextSegmentContext,
    buffer: FlushBuffer,
    filler: SegmentFiller,
    succession: Succession,
  ) {
    this.#context = context;
    this.#buffer = buffer;
    this.#filler = filler;
    this.#succession = succession;
  }

  /** Null while none is to be begun. */
  get segment(): Segment | null {
    return this.#segment;
  }

  /** Begins one, which takes over at `firstIndex`; as a base, from everything. */
  begin(
    sequence: number,
    firstIndex: number,
    prevTerm: number,
    prevChain: number,
    isBase: boolean,
  ): void {
    const { identity, segmentBytes, isSynced } = this.#context;
    const isRecycled = this.#file?.isRecycled ?? false;
    const before = { prevTerm, prevChain };
    const kind = { segmentBytes, isSynced, isRecycled, isBase };
    this.#begin({ ...identity, sequence, firstIndex, ...before, ...kind });
  }

  /** Takes `begin` back. */
  abandon(): void {
    this.#segment = null;
  }

  /** Gets the file to write to; false while the filler makes one. */
  takeFile(): boolean {
    if (this.#file !== null) {
      return true;
    }
    this.#file = this.#filler.takeNext();
    if (this.#file === null) {
      this.#filler.wantNext();
      return false;
    }
    if (this.#file.isRecycled) {
      this.#begin({ ...(this.#segment as Segment).header, isRecycled: true });
    }
    return true;
  }

  /** Stores the header, and with it the frame and records in the buffer, so many bytes. After `takeFile`. */
  flush(bytes: number, flushed: Flushed): void {
    const segment = this.#segment as Segment;
    const file = this.#file as FilledFile;
    this.#flushed = flushed;
    file.filledBytes = Math.max(file.filledBytes, SEGMENT_HEADER_BYTES + bytes);
    if (bytes > 0) {
      segment.lastFlush++;
    }
    this.#buffer.write(file.file, 0, true, segment.seed, segment.lastFlush, (error) => {
      if (error !== null) {
        this.#failed(segment, "write", error);
      } else {
        // Also in a log without syncs: what has its name must have a header.
        file.file.sync((syncError) => this.#onSynced(segment, file, syncError));
      }
    });
  }

  /** Closes the file of one whose flush failed for good. */
  async close(): Promise<void> {
    if (this.#file !== null) {
      await this.#filler.release(this.#file);
    }
  }

  #begin(fields: NewSegmentFields): void {
    this.#segment = newSegment(this.#context.directory, fields, this.#buffer.header);
  }

  #onSynced(segment: Segment, file: FilledFile, error: Error | null): void {
    if (error === null) {
      void this.#install(segment, file);
    } else {
      this.#end(poisoned(segment.path, "sync", error));
    }
  }

  async #install(segment: Segment, file: FilledFile): Promise<void> {
    const { fileSystem, directory } = this.#context;
    try {
      await this.#succession.seal();
      await fileSystem.rename(file.path, segment.path);
    } catch (error) {
      this.#failed(segment, "rename", error as Error);
      return;
    }
    try {
      await fileSystem.syncDirectory(directory);
      file.path = segment.path;
      this.#segment = null;
      this.#file = null;
      await this.#succession.takeOver(segment, file);
    } catch (error) {
      this.#end(poisoned(segment.path, "sync", error));
      return;
    }
    this.#end(null);
  }

  /** Out of space, nothing is left of it. */
  #failed({ path }: Segment, operation: string, cause: Error): void {
    if (!isOutOfSpace(cause)) {
      this.#end(poisoned(path, operation, cause));
      return;
    }
    const file = this.#file as FilledFile;
    this.#file = null;
    this.#filler.discard(file).then(
      () => this.#end(noSpace(path, cause)),
      (error: unknown) => this.#end(poisoned(path, "remove", error)),
    );
  }

  #end(error: LogError | null): void {
    const flushed = this.#flushed;
    this.#flushed = null;
    flushed?.(error);
  }
}
