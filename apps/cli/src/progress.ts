import { Presets, SingleBar } from "cli-progress";
import type { Terminal } from "./terminal.ts";

/** How far a long piece of work is. */
export interface Progress {
  advance(count: number): void;
  stop(): void;
}

/** A bar on a terminal; nothing where the output goes to a file or a program. */
export function startProgress(stream: Terminal["stderr"], name: string, total: number): Progress {
  if (stream.isTTY !== true) {
    return SILENT;
  }
  const bar = new SingleBar(
    {
      stream: stream as NodeJS.WriteStream,
      format: `${name} {bar} {percentage}% {value}/{total}`,
      hideCursor: true,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    advance: (count) => bar.increment(count),
    stop: () => bar.stop(),
  };
}

const SILENT: Progress = {
  advance() {
    // Nobody watches.
  },
  stop() {
    // Nothing was started.
  },
};
