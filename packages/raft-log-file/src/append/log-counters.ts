/** What a log has done since it was opened; plain numbers for a sampler. */
export interface LogCounters {
  /** Flushes that are stored: one write and, unless the log runs without, one sync each. */
  flushes: number;
  /** Record bytes in them. */
  flushedBytes: number;
  /** Writes of the core that they carried to their end. */
  writes: number;
  /** Segments that were dropped at the head, and how many of their files were used again. */
  droppedSegments: number;
  recycledSegments: number;
}

export function newLogCounters(): LogCounters {
  return { flushes: 0, flushedBytes: 0, writes: 0, droppedSegments: 0, recycledSegments: 0 };
}
