/** What one owner has of a table of sessions. */
export interface OwnerShare {
  readonly owner: bigint;
  sessions: number;
  /** Of the remembered results. */
  resultBytes: number;
}

/**
 * Who has how much of a table that many owners share. Where there is too much, whoever has most gives way: so nobody
 * is pushed out by others that have more than they have.
 */
export class OwnerShares {
  readonly #shares = new Map<bigint, OwnerShare>();

  /** The share of an owner that opens a session; `close` ends it. */
  open(owner: bigint): OwnerShare {
    let share = this.#shares.get(owner);
    if (share === undefined) {
      share = { owner, sessions: 0, resultBytes: 0 };
      this.#shares.set(owner, share);
    }
    share.sessions++;
    return share;
  }

  close(share: OwnerShare): void {
    share.sessions--;
    if (share.sessions === 0) {
      this.#shares.delete(share.owner);
    }
  }

  get mostSessions(): number {
    let most = 0;
    for (const { sessions } of this.#shares.values()) {
      most = Math.max(most, sessions);
    }
    return most;
  }

  get mostResultBytes(): number {
    let most = 0;
    for (const { resultBytes } of this.#shares.values()) {
      most = Math.max(most, resultBytes);
    }
    return most;
  }

  /** Becomes what `other` is. */
  takeOver(other: OwnerShares): void {
    this.#shares.clear();
    for (const [owner, share] of other.#shares) {
      this.#shares.set(owner, share);
    }
  }
}
