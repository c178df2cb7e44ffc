import { CodecError, type CodecFault } from "../src/errors.ts";

/**
 * The code of the CodecError that `action` throws, or null when it returns. Other errors go
 * through.
 */
export function codeOf(action: () => unknown): CodecFault["code"] | null {
  try {
    action();
  } catch (error) {
    if (error instanceof CodecError) {
      return error.code;
    }
    throw error;
  }
  return null;
}
