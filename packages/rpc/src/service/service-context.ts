import { processWheel } from "../deadline-wheel.ts";
import { withoutStack } from "../errors.ts";
import type { CallParent } from "../call-parent.ts";
import type { Connection } from "../connection.ts";
import type { DeadlineEntry } from "../deadline-wheel.ts";
import type { RpcError } from "../errors.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { CancelTarget } from "../stream/stream-table.ts";

/**
 * What a method's implementation knows about its call. As `parent` of other calls it gives them the
 * time that is left, its trace, and its cancellation.
 */
export class ServiceContext implements CallParent, CancelTarget, DeadlineEntry {
  expireTick = -1;
  previousEntry: DeadlineEntry | null = null;
  nextEntry: DeadlineEntry | null = null;
  readonly request: IncomingRequest;
  /** Why the caller waits no more. */
  #error: RpcError | null = null;
  #controller: AbortController | null = null;
  /** The time that was left when `signal` was first asked for. */
  #timeoutMs = 0;
  #isOver = false;

  constructor(request: IncomingRequest) {
    this.request = request;
  }

  /** Who calls: its peer, its identity, and the way to call back. */
  get connection(): Connection {
    return this.request.connection;
  }

  /** When the caller stops waiting, as performance.now() of this process; 0 for never. */
  get deadlineMs(): number {
    return this.request.deadlineMs;
  }

  get traceparent(): string | null {
    return this.request.traceparent;
  }

  /** Milliseconds that are left to the caller, 0 when there are none; Infinity without a deadline. */
  get remainingMs(): number {
    const { deadlineMs } = this.request;
    return deadlineMs === 0 ? Infinity : Math.max(0, deadlineMs - performance.now());
  }

  /** The caller has given up, its time is over, or its connection is lost. */
  get isCancelled(): boolean {
    return this.#error !== null;
  }

  /**
   * Aborted when the caller waits no more, with an RpcError as the reason: DT_RPC_CANCELLED,
   * DT_RPC_TIMEOUT, DT_RPC_CONNECTION_LOST or DT_RPC_CLOSED. Made when it is first asked for.
   */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#error !== null) {
        this.#controller.abort(this.#error);
      } else if (this.request.deadlineMs > 0 && !this.#isOver) {
        this.#timeoutMs = this.remainingMs;
        processWheel.add(this, this.request.deadlineMs);
      }
    }
    return this.#controller.signal;
  }

  onDeadline(): void {
    this.onCancel(
      withoutStack({ code: "DT_RPC_TIMEOUT", timeoutMs: this.#timeoutMs, wasSent: true }),
    );
  }

  onCancel(error: RpcError): void {
    if (this.#error === null && !this.#isOver) {
      this.#error = error;
      processWheel.remove(this);
      this.#controller?.abort(error);
    }
  }

  /** The implementation has ended. */
  finish(): void {
    this.#isOver = true;
    processWheel.remove(this);
  }
}
