import { nodeFileSystem, type OnSegment } from "@dt/raft-log-file";
import { type Progress, startProgress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";

/** Does a piece of work on segments with a bar that shows how many of them are done. */
export async function withSegmentBar<T>(
  stream: Terminal["stderr"],
  name: string,
  work: (fileSystem: typeof nodeFileSystem, onProgress: OnSegment) => Promise<T>,
): Promise<T> {
  let bar: Progress | null = null;
  try {
    return await work(nodeFileSystem, ({ segments }) => {
      bar ??= startProgress(stream, name, segments);
      bar.advance(1);
    });
  } finally {
    (bar as Progress | null)?.stop();
  }
}
