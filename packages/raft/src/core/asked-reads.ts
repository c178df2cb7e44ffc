/** Reads of a follower or observer that wait for its leader's word, oldest first. */
export class AskedReads {
  readonly tokens: number[] = [];
  /** When each began. */
  readonly sinceMs: number[] = [];
  /** When the newest one was sent to the leader, the last time. */
  sentMs = 0;

  get count(): number {
    return this.tokens.length;
  }

  add(token: number, nowMs: number): void {
    this.tokens.push(token);
    this.sinceMs.push(nowMs);
    this.sentMs = nowMs;
  }

  /** Takes out the oldest `count`. */
  take(count: number): number[] {
    this.sinceMs.splice(0, count);
    return this.tokens.splice(0, count);
  }

  clone(): AskedReads {
    const copy = new AskedReads();
    copy.tokens.push(...this.tokens);
    copy.sinceMs.push(...this.sinceMs);
    copy.sentMs = this.sentMs;
    return copy;
  }
}
