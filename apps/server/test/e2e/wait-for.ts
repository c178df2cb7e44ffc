import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MS = 20;
/** Far more than anything takes, because a machine may stand still for a while. */
export const PATIENCE_MS = 60_000;

/** Resolves with the first value of `probe` that is not null; asks again until then. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | null> | T | null,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== null) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${timeoutMs} ms: ${what}`);
    }
    await delay(PAUSE_MS);
  }
}
