import { isOutOfSpace, LogError } from "../log-error.ts";

/** Nothing was stored, and it may be tried again. */
export function noSpace(file: string, cause: Error): LogError {
  return new LogError({ code: "DT_LOG_NO_SPACE", file }, { cause });
}

/** What the file holds is not known. */
export function poisoned(file: string, operation: string, cause: unknown): LogError {
  return new LogError({ code: "DT_LOG_POISONED", file, operation }, { cause });
}

/** Which of both it is, where nothing has to be taken back for a lack of space. */
export function writeFailure(file: string, operation: string, cause: Error): LogError {
  return isOutOfSpace(cause) ? noSpace(file, cause) : poisoned(file, operation, cause);
}
