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
