const LIMIT_MS = 20_000;

/** Lets the event loop turn until `isTrue` returns true. */
export async function until(isTrue: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!isTrue()) {
    if (performance.now() > endMs) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
