export type Rule =
  | "area-import"
  | "deep-import"
  | "dependency"
  | "import"
  | "package-escape"
  | "parse"
  | "purity"
  | "reference"
  | "test-cycle"
  | "unlisted-package";

export interface Violation {
  /** Path from the root of the repository, with forward slashes. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly rule: Rule;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

export function formatViolation(violation: Violation): string {
  return `${violation.file}:${violation.line}: ${violation.rule}: ${violation.message}`;
}
