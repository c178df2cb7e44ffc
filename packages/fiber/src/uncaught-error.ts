import { FiberError } from "./fiber-error.ts";

/** The error a group's `onError` gets; its own stack is the virtual one. */
export function uncaughtError(
  group: string,
  fiber: string,
  frames: string,
  cause: unknown,
): FiberError {
  const origin = `    at fiber ${fiber} of group ${group}`;
  const virtualStack = frames === "" ? origin : `${frames}\n${origin}`;
  const error = new FiberError(
    { code: "DT_FIBER_UNCAUGHT", fiber, group, virtualStack },
    { cause },
  );
  error.stack = `${error.name}: ${error.message}\n${virtualStack}`;
  return error;
}
