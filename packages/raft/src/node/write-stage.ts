import type { IoId } from "../core/input.ts";
import type { Write } from "../core/output.ts";
import { isNoSpace } from "../log/raft-log.ts";
import type { RaftLog } from "../log/raft-log.ts";

export interface WriteStageEvents {
  /** This write, and so every earlier one, is durable. */
  onPersisted(io: IoId): void;
  /** The disk is full: everything outstanding is kept and will be tried again. */
  onNoSpace(error: Error): void;
  /** The first write after a full disk went through. */
  onSpaceReturned(): void;
  /** The log is poisoned. Called once. */
  onFailed(error: Error): void;
}

/**
 * Hands the core's writes to the log in order. A write refused because the disk is full stays first in line
 * and is repeated by `retry`; any other error is final.
 */
export class WriteStage {
  readonly #log: RaftLog;
  readonly #events: WriteStageEvents;
  /** Given to the log and not answered, oldest first. */
  #outstanding: Write[] = [];
  /** Refused for lack of space, oldest first; while there are any, nothing new goes to the log. */
  #refused: Write[] = [];
  /** Submitted while there are refused ones; behind them. */
  #held: Write[] = [];
  #isFull = false;
  #failed = false;

  constructor(log: RaftLog, events: WriteStageEvents) {
    this.#log = log;
    this.#events = events;
  }

  /** True from the first refusal for lack of space until a write goes through again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  submit(write: Write): void {
    if (this.#failed) {
      return;
    }
    if (this.#refused.length > 0) {
      this.#held.push(write);
      return;
    }
    this.#outstanding.push(write);
    this.#log.write(write, (error) => this.#onDone(write, error));
  }

  /** Tries the refused writes again; called now and then while `isFull`. */
  retry(): void {
    if (this.#outstanding.length > 0 || this.#refused.length === 0) {
      return;
    }
    const writes = [...this.#refused, ...this.#held];
    this.#refused = [];
    this.#held = [];
    for (const write of writes) {
      this.submit(write);
    }
  }

  #onDone(write: Write, error: Error | null): void {
    if (this.#failed) {
      return;
    }
    this.#outstanding.shift();
    if (error === null) {
      if (this.#isFull && this.#refused.length === 0) {
        this.#isFull = false;
        this.#events.onSpaceReturned();
      }
      this.#events.onPersisted(write.io);
      return;
    }
    if (!isNoSpace(error)) {
      this.#failed = true;
      this.#events.onFailed(error);
      return;
    }
    this.#refused.push(write);
    if (!this.#isFull) {
      this.#isFull = true;
      this.#events.onNoSpace(error);
    }
  }
}
