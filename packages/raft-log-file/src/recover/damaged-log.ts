import type { DamagedRange, EntryBatch } from "@dt/raft";
import { dirname } from "node:path";
import type { StatusFile } from "../directory/status-file.ts";
import type { FileSystem } from "../file-system.ts";
import type { Status } from "../format/status-slot.ts";
import { LogError } from "../log-error.ts";
import { FileCache } from "../read/file-cache.ts";
import { LogReader } from "../read/log-reader.ts";
import { SegmentList } from "../segment/segment-list.ts";
import type { DamageSite, SegmentLimit } from "./damage.ts";
import type { OpenedLog } from "./open-log.ts";
import { type FilledGap, rebuildSegment } from "./rebuild-segment.ts";

/**
 * A log with gaps, open for reading what is good and for getting the gaps filled. Nothing on the disk
 * changes before that. Entries that fit between the chains at both ends of a gap are those that stood
 * there, whoever sends them.
 */
export class DamagedLog {
  readonly status: StatusFile;
  readonly segments: SegmentList;
  readonly reader: LogReader;
  readonly #fileSystem: FileSystem;
  readonly #files: FileCache;
  readonly #superseded: readonly string[];
  #sites: readonly DamageSite[];
  /** What came for the gaps so far, from each one's start on. */
  readonly #received = new Map<DamageSite, EntryBatch[]>();

  constructor(fileSystem: FileSystem, opened: OpenedLog, readerFiles: number) {
    this.#fileSystem = fileSystem;
    this.#files = new FileCache(fileSystem, readerFiles);
    this.#sites = opened.damaged;
    this.#superseded = opened.report.supersededFiles;
    this.status = opened.status;
    this.segments = new SegmentList(opened.segments);
    this.reader = new LogReader(this.segments, this.#files);
  }

  get ranges(): readonly DamagedRange[] {
    return this.#sites;
  }

  /** What any attempt to use the log as a whole one gets. */
  get error(): LogError {
    const { file, offset, firstIndex, reason } = this.#sites[0] as DamageSite;
    return new LogError({ code: "DT_LOG_CORRUPT", file, offset, index: firstIndex, reason });
  }

  /**
   * Takes entries for a gap: from its start on, or behind what came before. Resolves to true when all
   * gaps of all segments are filled and the log can be opened. Throws DT_LOG_GAP for entries that do
   * not follow, or do not lead to what is behind the gap; what came for that gap is forgotten then.
   */
  async fill(batches: readonly EntryBatch[]): Promise<boolean> {
    for (const batch of batches) {
      this.#take(batch);
    }
    const isFull = this.#sites.every((site) => this.#nextIndex(site) > site.lastIndex);
    if (isFull) {
      await this.#files.clear();
      for (const segment of new Set(this.#sites.map((site) => site.segment))) {
        await this.#rebuild(this.#sites.filter((site) => site.segment === segment));
      }
      await this.close();
    }
    return isFull;
  }

  /**
   * Drops the first gap that is not filled and everything behind it: nobody else ever had it. Gaps before it are
   * filled. Afterwards the log can be opened. A crash on the way leaves the gap, or a log that ends before it; a
   * gap that was filled is filled then, or still there: what follows it proves it.
   */
  async cut(): Promise<void> {
    const at = this.#sites.findIndex((site) => this.#nextIndex(site) <= site.lastIndex);
    const { segment, firstIndex, prevChain } = this.#sites[at] as DamageSite;
    const filled = this.#sites.slice(0, at);
    await this.#files.clear();
    for (const each of new Set(filled.map((site) => site.segment))) {
      if (each !== segment) {
        await this.#rebuild(filled.filter((site) => site.segment === each));
      }
    }
    if (this.status.status.markIndex >= firstIndex) {
      // The mark must not outlive the entries that it vouches for.
      await this.#clearMark();
    }
    const { all } = this.segments;
    const behind = all.slice(all.indexOf(segment) + 1).reverse();
    // First what is superseded by those behind it: it would be the log again.
    for (const path of [...this.#superseded, ...behind.map((each) => each.path)]) {
      await this.#fileSystem.remove(path);
      await this.#fileSystem.syncDirectory(dirname(path));
    }
    const limit = { index: firstIndex, chain: prevChain };
    const gaps = filled.filter((site) => site.segment === segment);
    await rebuildSegment(
      this.#fileSystem,
      segment,
      limit,
      gaps.map((site) => this.#filled(site)),
    );
    await this.close();
  }

  async close(): Promise<void> {
    await this.#files.close();
    await this.status.close();
  }

  /** Fills these gaps, all of one segment. */
  #rebuild(gaps: readonly DamageSite[]): Promise<void> {
    return rebuildSegment(
      this.#fileSystem,
      (gaps[0] as DamageSite).segment,
      this.#limitOf(gaps),
      gaps.map((site) => this.#filled(site)),
    );
  }

  #take(batch: EntryBatch): void {
    const site = this.#sites.find(
      (each) => batch.firstIndex >= each.firstIndex && batch.firstIndex <= each.lastIndex,
    );
    if (site !== undefined && batch.firstIndex === site.firstIndex) {
      // From its start on once more: another peer, where the one before could not give all of it.
      this.#received.delete(site);
    }
    const expectedIndex = site === undefined ? 0 : this.#nextIndex(site);
    const received = site === undefined ? [] : (this.#received.get(site) ?? []);
    const isNext =
      site !== undefined &&
      batch.firstIndex === expectedIndex &&
      batch.prevChain === (received.at(-1)?.chain ?? site.prevChain) &&
      batch.lastIndex <= site.lastIndex &&
      (batch.lastIndex < site.lastIndex || batch.chain === site.chain);
    if (!isNext) {
      if (site !== undefined) {
        this.#received.delete(site);
      }
      throw new LogError({ code: "DT_LOG_GAP", expectedIndex, index: batch.firstIndex });
    }
    this.#received.set(site, [...received, batch]);
  }

  #clearMark(): Promise<void> {
    return new Promise((resolve, reject) => {
      const clear = (status: Status): Status => ({ ...status, markIndex: 0, markChain: 0 });
      this.status.update(clear, (error) => {
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      });
    });
  }

  #nextIndex(site: DamageSite): number {
    return (this.#received.get(site)?.at(-1)?.lastIndex ?? site.firstIndex - 1) + 1;
  }

  #filled(site: DamageSite): FilledGap {
    return { site, batches: this.#received.get(site) ?? [] };
  }

  /** Where the segment of these gaps has to end; null for the last one. */
  #limitOf([site]: readonly DamageSite[]): SegmentLimit | null {
    const { all } = this.segments;
    const next = site === undefined ? undefined : all[all.indexOf(site.segment) + 1];
    return next === undefined
      ? null
      : { index: next.header.firstIndex, chain: next.header.prevChain };
  }
}
