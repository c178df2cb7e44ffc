/** Everything this package can refuse or report. Codes never change their meaning. */
export type FiberFault =
  | { readonly code: "DT_FIBER_ARGUMENT"; readonly argument: string; readonly problem: string }
  | { readonly code: "DT_FIBER_BAD_YIELD"; readonly fiber: string }
  | { readonly code: "DT_FIBER_CANCELLED"; readonly fiber: string; readonly group: string }
  | { readonly code: "DT_FIBER_CLOCK_LIVELOCK"; readonly callbackCount: number }
  | { readonly code: "DT_FIBER_CLOCK_REENTRY"; readonly method: string }
  | { readonly code: "DT_FIBER_DISPATCHER_CLOSED"; readonly dispatcher: string }
  | { readonly code: "DT_FIBER_FUTURE_COMPLETED"; readonly future: string }
  | { readonly code: "DT_FIBER_GROUP_ENDED"; readonly group: string }
  | { readonly code: "DT_FIBER_INTERRUPTED"; readonly fiber: string; readonly group: string }
  | { readonly code: "DT_FIBER_LOCK_MISUSE"; readonly lock: string; readonly problem: string }
  | { readonly code: "DT_FIBER_OPTIONS"; readonly problems: readonly string[] }
  | { readonly code: "DT_FIBER_OUTSIDE_FIBER"; readonly operation: string }
  | { readonly code: "DT_FIBER_TASKS_FULL"; readonly group: string; readonly limit: number }
  | { readonly code: "DT_FIBER_TIMEOUT"; readonly waitingFor: string; readonly timeoutMs: number }
  | {
      readonly code: "DT_FIBER_UNCAUGHT";
      readonly fiber: string;
      readonly group: string;
      /** Innermost call first, one frame per line, ending with the fiber itself. */
      readonly virtualStack: string;
    }
  | { readonly code: "DT_FIBER_WAIT_UNUSED"; readonly fiber: string; readonly waitingFor: string };

export type FiberErrorCode = FiberFault["code"];

export class FiberError extends Error {
  override readonly name = "FiberError";
  readonly code: FiberErrorCode;
  readonly fault: FiberFault;

  constructor(fault: FiberFault, options?: ErrorOptions) {
    super(describe(fault), options);
    this.code = fault.code;
    this.fault = fault;
  }
}

function describe(fault: FiberFault): string {
  switch (fault.code) {
    case "DT_FIBER_ARGUMENT":
      return `argument ${fault.argument}: ${fault.problem}`;
    case "DT_FIBER_BAD_YIELD":
      return `fiber ${fault.fiber} yielded a value that is not a wait; use yield* on a primitive`;
    case "DT_FIBER_CANCELLED":
      return `daemon fiber ${fault.fiber} was ended together with its group ${fault.group}`;
    case "DT_FIBER_CLOCK_LIVELOCK":
      return `virtual time does not move on: ${fault.callbackCount} callbacks ran at one instant`;
    case "DT_FIBER_CLOCK_REENTRY":
      return `${fault.method} was called from a callback of the same virtual clock`;
    case "DT_FIBER_DISPATCHER_CLOSED":
      return `dispatcher ${fault.dispatcher} is closed`;
    case "DT_FIBER_FUTURE_COMPLETED":
      return `future ${fault.future} was completed before`;
    case "DT_FIBER_GROUP_ENDED":
      return `fiber group ${fault.group} has ended`;
    case "DT_FIBER_INTERRUPTED":
      return `fiber ${fault.fiber} of group ${fault.group} was interrupted`;
    case "DT_FIBER_LOCK_MISUSE":
      return `lock ${fault.lock}: ${fault.problem}`;
    case "DT_FIBER_OPTIONS":
      return `bad options: ${fault.problems.join("; ")}`;
    case "DT_FIBER_OUTSIDE_FIBER":
      return `${fault.operation} must be called by a running fiber`;
    case "DT_FIBER_TASKS_FULL":
      return `fiber group ${fault.group} already has ${fault.limit} queued tasks`;
    case "DT_FIBER_TIMEOUT":
      return `timed out after ${fault.timeoutMs} ms waiting for ${fault.waitingFor}`;
    case "DT_FIBER_UNCAUGHT":
      return `uncaught error in fiber ${fault.fiber} of group ${fault.group}`;
    case "DT_FIBER_WAIT_UNUSED":
      return `fiber ${fault.fiber} started to wait for ${fault.waitingFor} without yield*`;
  }
}
