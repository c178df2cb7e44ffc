/**
 * Calls what belongs to the program, where nothing may stop what has to follow. What it throws is heard of
 * as an error of the program that nobody has caught.
 */
export function guarded(fn: () => void): void {
  try {
    fn();
  } catch (error) {
    throwLater(error);
  }
}

/** An error of the program that nobody has caught. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
