import type { NodeId } from "./message.ts";

/**
 * Reads of a leader that wait for a quorum to confirm it, oldest first. Each gets a token that only
 * the leader makes and that ascends, whoever asked: a request that comes again gets another one.
 */
export class PendingReads {
  /** The newest token ever seen on this node. */
  newestToken = 0;
  readonly tokens: number[] = [];
  readonly indexes: number[] = [];
  /** What the asker calls its read. */
  readonly requests: number[] = [];
  /** Who asked; 0 = this node's host. */
  readonly askers: NodeId[] = [];
  /** In which of its runs, see `ReadIndex`. */
  readonly runs: number[] = [];

  get count(): number {
    return this.tokens.length;
  }

  /** A token above all earlier ones; `floor` itself when it is. */
  nextToken(floor: number): number {
    this.newestToken = Math.max(this.newestToken + 1, floor);
    return this.newestToken;
  }

  /**
   * Of another member at most two wait, the oldest and the newest: the answer to one is an answer to all that it
   * asked before, and the oldest keeps its place, so that who asks all the time gets answers, too.
   */
  add(token: number, index: number, request: number, asker: NodeId, run: number): void {
    if (asker !== 0) {
      this.#dropNewestOf(asker);
    }
    this.tokens.push(token);
    this.indexes.push(index);
    this.requests.push(request);
    this.askers.push(asker);
    this.runs.push(run);
  }

  dropFirst(count: number): void {
    this.#drop(0, count);
  }

  clone(): PendingReads {
    const copy = new PendingReads();
    copy.newestToken = this.newestToken;
    copy.tokens.push(...this.tokens);
    copy.indexes.push(...this.indexes);
    copy.requests.push(...this.requests);
    copy.askers.push(...this.askers);
    copy.runs.push(...this.runs);
    return copy;
  }

  /** Unless it is the only one. */
  #dropNewestOf(asker: NodeId): void {
    const at = this.askers.lastIndexOf(asker);
    if (at > 0 && this.askers.indexOf(asker) < at) {
      this.#drop(at, 1);
    }
  }

  #drop(at: number, count: number): void {
    this.tokens.splice(at, count);
    this.indexes.splice(at, count);
    this.requests.splice(at, count);
    this.askers.splice(at, count);
    this.runs.splice(at, count);
  }
}
