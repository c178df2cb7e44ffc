/** Timing and limits of one group's core. All times in milliseconds. */
export interface CoreOptions {
  /** Shortest election timeout; also how long a voter that heard a leader refuses others. Default 1500. */
  readonly electionTimeoutMinMs: number;
  /** Longest election timeout; the timeout is drawn from [min, max) again for each round. Default 3000. */
  readonly electionTimeoutMaxMs: number;
  /** Default 300; at most a third of `electionTimeoutMinMs`. */
  readonly heartbeatMs: number;
  /** Part of the lease given up for clock drift, in percent of `electionTimeoutMinMs`. Default 10. */
  readonly leaseDriftPercent: number;
  /** Serve reads by a lease; else every read takes a round of heartbeats. Default true. */
  readonly leaseReads: boolean;
  /** How many entries a member may lack that is made a voter. Default 1024. */
  readonly catchUpEntries: number;
  /** Ask for pre-votes before entering a new term. Default true. */
  readonly preVote: boolean;
  /** A leader that hears no quorum for an election timeout steps down. Default true; leases need it. */
  readonly checkQuorum: boolean;
  /** Entries bytes in one append message. Default 1 MiB; one larger batch still travels alone. */
  readonly maxAppendBytes: number;
  /** Append messages to one follower without an answer. Default 256. */
  readonly windowAppends: number;
  /** Entries bytes to one follower without an answer. Default 16 MiB. */
  readonly windowBytes: number;
  /** Entries kept in memory for followers, once durable and applied. Default 16 MiB. */
  readonly tailBytes: number;
}

export const DEFAULT_CORE_OPTIONS: CoreOptions = Object.freeze({
  electionTimeoutMinMs: 1500,
  electionTimeoutMaxMs: 3000,
  heartbeatMs: 300,
  leaseDriftPercent: 10,
  leaseReads: true,
  catchUpEntries: 1024,
  preVote: true,
  checkQuorum: true,
  maxAppendBytes: 1 << 20,
  windowAppends: 256,
  windowBytes: 16 << 20,
  tailBytes: 16 << 20,
});
