import { RpcError } from "../../src/index.ts";
import type { CallCompletion } from "../../src/index.ts";

/** The RpcError that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof RpcError) {
    return error;
  }
  throw new Error(`no RpcError but ${String(error)}`);
}

/** Counts the outcomes of calls. */
export class Tally implements CallCompletion {
  replies = 0;
  readonly failures: RpcError[] = [];

  get count(): number {
    return this.replies + this.failures.length;
  }

  onReply(): void {
    this.replies++;
  }

  onFail(error: RpcError): void {
    this.failures.push(error);
  }
}
