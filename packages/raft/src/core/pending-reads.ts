/** Reads of a leader that wait for a quorum to confirm it, oldest first: tokens ascend. */
export class PendingReads {
  /** The newest token ever seen on this node. */
  newestToken = 0;
  readonly tokens: number[] = [];
  readonly indexes: number[] = [];

  get count(): number {
    return this.tokens.length;
  }

  add(token: number, index: number): void {
    this.tokens.push(token);
    this.indexes.push(index);
  }

  dropFirst(count: number): void {
    this.tokens.splice(0, count);
    this.indexes.splice(0, count);
  }

  clone(): PendingReads {
    const copy = new PendingReads();
    copy.newestToken = this.newestToken;
    copy.tokens.push(...this.tokens);
    copy.indexes.push(...this.indexes);
    return copy;
  }
}
