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

  add(token: number, index: number, request: number, asker: NodeId, run: number): void {
    this.tokens.push(token);
    this.indexes.push(index);
    this.requests.push(request);
    this.askers.push(asker);
    this.runs.push(run);
  }

  dropFirst(count: number): void {
    this.tokens.splice(0, count);
    this.indexes.splice(0, count);
    this.requests.splice(0, count);
    this.askers.splice(0, count);
    this.runs.splice(0, count);
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
}
