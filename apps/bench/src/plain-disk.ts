import * as fs from "node:fs";
import { join } from "node:path";
import { LatencyHistogram } from "./histogram.ts";

/** What the disk did in one slice of time. */
export interface PlainWrites {
  readonly writes: number;
  readonly bytes: number;
  /** Of the writes and syncs alone. */
  readonly seconds: number;
  /** Processor time of the whole process, its threads included. */
  readonly cpuUs: number;
}

const FILE_BYTES = 64 << 20;
const FILL_BYTES = 1 << 20;

/**
 * What the disk does by itself: one write behind the other, each synced (fdatasync) before the next, on Node's
 * thread pool. Into new space, as large flushes of a log go, or into space that is allocated, as small ones do.
 * A file is as long as a segment; what it takes to begin one is not counted.
 */
export class PlainDisk {
  readonly latencies = new LatencyHistogram();
  readonly #path: string;
  readonly #isAllocated: boolean;
  #descriptor = -1;
  #position = 0;

  constructor(directory: string, name: string, isAllocated: boolean) {
    this.#path = join(directory, name);
    this.#isAllocated = isAllocated;
  }

  /** Writes `bytes` at a time for so long, once at least. */
  async run(ms: number, bytes: number): Promise<PlainWrites> {
    const content = Buffer.alloc(bytes, 7);
    let writes = 0;
    let busyMs = 0;
    let cpuUs = 0;
    do {
      if (this.#descriptor < 0 || this.#position + bytes > FILE_BYTES) {
        this.#begin();
      }
      const cpu = process.cpuUsage();
      const startMs = performance.now();
      let nowMs = startMs;
      do {
        await this.#writeAndSync(content);
        this.#position += bytes;
        writes++;
        const fromMs = nowMs;
        nowMs = performance.now();
        this.latencies.recordMs(nowMs - fromMs);
      } while (this.#position + bytes <= FILE_BYTES && busyMs + nowMs - startMs < ms);
      busyMs += nowMs - startMs;
      const { user, system } = process.cpuUsage(cpu);
      cpuUs += user + system;
    } while (busyMs < ms);
    return { writes, bytes: writes * bytes, seconds: busyMs / 1000, cpuUs };
  }

  close(): void {
    if (this.#descriptor >= 0) {
      fs.closeSync(this.#descriptor);
    }
    this.#descriptor = -1;
  }

  #begin(): void {
    this.#position = 0;
    if (this.#descriptor >= 0 && this.#isAllocated) {
      return;
    }
    this.close();
    fs.rmSync(this.#path, { force: true });
    this.#descriptor = fs.openSync(this.#path, "wx+");
    if (this.#isAllocated) {
      const zeros = Buffer.alloc(FILL_BYTES);
      for (let at = 0; at < FILE_BYTES; at += FILL_BYTES) {
        fs.writeSync(this.#descriptor, zeros, 0, FILL_BYTES, at);
      }
    }
    fs.fsyncSync(this.#descriptor);
  }

  #writeAndSync(content: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null): void => {
        if (error === null) {
          resolve();
        } else {
          reject(error);
        }
      };
      fs.write(
        this.#descriptor,
        content,
        0,
        content.length,
        this.#position,
        (writeError, written) => {
          if (writeError !== null || written !== content.length) {
            settle(writeError ?? new Error("a short write to the disk"));
          } else {
            fs.fdatasync(this.#descriptor, settle);
          }
        },
      );
    });
  }
}
