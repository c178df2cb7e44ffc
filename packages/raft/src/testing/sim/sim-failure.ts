/** A rule of the simulated cluster that was broken, such as "I3". */
export class SimFailure extends Error {
  override readonly name = "SimFailure";
  /** The invariant's or scenario rule's short name. */
  readonly rule: string;

  constructor(rule: string, message: string, options?: ErrorOptions) {
    super(`${rule}: ${message}`, options);
    this.rule = rule;
  }
}

/** Throws a `SimFailure` of `rule` when `holds` is false. */
export function ensure(holds: boolean, rule: string, message: string): asserts holds {
  if (!holds) {
    throw new SimFailure(rule, message);
  }
}
