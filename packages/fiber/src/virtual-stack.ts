/** Frames of the machinery between two calls of a fiber. */
const RESUMPTION =
  /^\s+at (.*\.)?(next|throw|return) \(<anonymous>\)$|^\s+at (Parking\.|#throwOutcome)/;

/** The frame of the method that resumes fibers; what is below it belongs to the event loop. */
const RESUME_FRAME = /^\s+at Fiber\.run\b/;

/**
 * The frames of an error thrown inside a fiber, innermost first, up to where the dispatcher
 * resumed the fiber. Empty when the error has no stack.
 */
export function fiberFrames(error: unknown): string {
  const stack = error instanceof Error ? error.stack : undefined;
  if (stack === undefined) {
    return "";
  }
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    if (RESUME_FRAME.test(line)) {
      break;
    }
    if (/^\s+at /.test(line) && !RESUMPTION.test(line)) {
      frames.push(line);
    }
  }
  return frames.join("\n");
}

/** The frames of the call that is now running. */
export function currentFrames(): string {
  const holder = new Error("stack");
  Error.captureStackTrace(holder, currentFrames);
  return fiberFrames(holder);
}
