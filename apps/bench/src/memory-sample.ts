/** What a process holds, after a collection of garbage. Needs --expose-gc. */
export interface MemorySample {
  /** Objects and the memory of buffers, in bytes. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Names of what keeps the process alive: sockets, timers, servers. */
  readonly resources: readonly string[];
}

export async function sampleMemory(): Promise<MemorySample> {
  if (globalThis.gc === undefined) {
    throw new Error("start this process with --expose-gc");
  }
  // A collection frees what a finalizer or a turn of the loop still held in the one before it.
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return {
    heapBytes: heapUsed + arrayBuffers,
    rssBytes: rss,
    resources: process.getActiveResourcesInfo(),
  };
}
