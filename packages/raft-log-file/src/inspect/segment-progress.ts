import { listSegments, segmentsPath } from "../directory/log-directory.ts";
import type { FileSystem } from "../file-system.ts";

/** How far a look at the segments of several logs is. */
export interface SegmentProgress {
  readonly doneSegments: number;
  /** Those that were there when it began: some may turn out to be leftovers, which are not looked at. */
  readonly segments: number;
}

export type OnSegment = (progress: SegmentProgress) => void;

/** Counts segments that are done with, and tells after each. */
export class SegmentCounter {
  readonly #segments: number;
  readonly #tell: OnSegment;
  #done = 0;

  private constructor(segments: number, tell: OnSegment) {
    this.#segments = segments;
    this.#tell = tell;
  }

  /** Of the groups with these directories; one that cannot be listed counts as empty. */
  static async over(
    fileSystem: FileSystem,
    groupDirectories: readonly string[],
    tell: OnSegment,
  ): Promise<SegmentCounter> {
    let segments = 0;
    for (const directory of groupDirectories) {
      const listing = await listSegments(fileSystem, segmentsPath(directory)).catch(() => null);
      segments += listing?.segments.length ?? 0;
    }
    return new SegmentCounter(segments, tell);
  }

  readonly add = (): void => {
    this.#done++;
    this.#tell({ doneSegments: this.#done, segments: this.#segments });
  };
}
