/** A rule of the simulated cluster that was broken, such as "I3". */
export class SimFailure extends Error {
  override readonly name = "SimFailure";
  /** The invariant's or scenario rule's short name. */
  readonly rule: string;
  /** What happened, without the rule's name. */
  readonly detail: string;

  constructor(rule: string, detail: string, options?: ErrorOptions) {
    super(`${rule}: ${detail}`, options);
    this.rule = rule;
    this.detail = detail;
  }
}

/** The rule that a run breaks by doing without the fault that it is for. */
export const REJECTED = "rejected";

/** True for the failure of a run that did without its fault: it shows nothing about the code. */
export function isRejection(error: unknown): boolean {
  return error instanceof SimFailure && error.rule === REJECTED;
}

/** Throws a `SimFailure` of `rule` when `holds` is false; a text that takes work is made only then. */
export function ensure(
  holds: boolean,
  rule: string,
  message: string | (() => string),
): asserts holds {
  if (!holds) {
    throw new SimFailure(rule, typeof message === "string" ? message : message());
  }
}
