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

/** Frames kept of a fiber's stack where this package takes it: Node's own limit is 10. */
const FRAME_LIMIT = 50;

/** The frames of the running fiber. */
export function currentFrames(): string {
  const limitBefore = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAME_LIMIT;
  const holder = new Error("stack");
  Error.captureStackTrace(holder, currentFrames);
  Error.stackTraceLimit = limitBefore;
  return fiberFrames(holder);
}
