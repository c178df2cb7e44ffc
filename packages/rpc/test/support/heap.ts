import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of the heap and of buffers that are in use, after everything unused is collected. */
export async function usedBytes(): Promise<number> {
  // A collection frees what a finalizer or a turn of the loop still held in the one before it.
  for (let round = 0; round < 4; round++) {
    collectGarbage();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
