import { Inflight } from "./inflight.ts";
import { invariant } from "./invariant.ts";
import type { NodeId } from "./message.ts";

/**
 * How a leader feeds a follower.
 *
 * ```
 *            accepted                       probe: where the logs agree is not known, or the link is
 *   probe ------------> replicate                  in doubt; one append at a time
 *     ^                     |               replicate: appends leave ahead of their answers, as far
 *     +---------------------+                          as the window allows
 *     | refused, unreachable                snapshot: what it needs is not in the log any more;
 *     v    sent, failed                            nothing is sent until its transfer has ended
 *   snapshot ---------> probe, or replicate on an ack of what the log continues
 * ```
 */
export const ProgressState = {
  probe: "probe",
  replicate: "replicate",
  snapshot: "snapshot",
} as const;
export type ProgressState = (typeof ProgressState)[keyof typeof ProgressState];

/** What a leader knows about one follower, as told to the outside. */
export interface ProgressView {
  readonly id: NodeId;
  readonly state: ProgressState;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly inflightAppends: number;
  readonly inflightBytes: number;
}

/** Another member: its answer in an election round, and what this node knows of it while it leads. */
export class Peer {
  readonly id: NodeId;
  /** Counts in the old half of a joint configuration, or in the only one. */
  isOldVoter = true;
  /** Counts in the new half of a joint configuration. */
  isNextVoter = false;
  /** It granted the vote or pre-vote asked for in this round. */
  hasGranted = false;
  state: ProgressState = ProgressState.probe;
  /** Its log equals ours up to here, durably. matchIndex < nextIndex */
  matchIndex = 0;
  /** The next entry to send. */
  nextIndex = 1;
  /** Probe: one is on its way; the next leaves after an answer or a heartbeat reply. */
  isProbeSent = false;
  /** The next probe carries no entries: they left with one that is not answered yet. */
  isProbeBare = false;
  /** Replicate: appends are unanswered although the follower is alive; ask with an empty one. */
  isProbeWanted = false;
  /** A heartbeat interval began and no heartbeat reply came since. */
  isReplyDue = true;
  /** First index of the log read that is under way for it; 0 = none. */
  logReadIndex = 0;
  /** Its last log read failed: the next one waits for a heartbeat reply. */
  isLogReadHeld = false;
  /** When the newest message that it answered had been sent; -1 = none in this term. */
  ackedSentAtMs = -1;
  /** Newest read token in a message that it answered. */
  ackedReadToken = 0;
  /** When its last answer of this term arrived. */
  heardMs = 0;
  inflight: Inflight = new Inflight();

  constructor(id: NodeId) {
    this.id = id;
  }

  /** Start of a leadership: nothing is known about the follower's log. */
  reset(nextIndex: number, nowMs: number): void {
    this.state = ProgressState.probe;
    this.matchIndex = 0;
    this.nextIndex = nextIndex;
    this.isProbeSent = false;
    this.isProbeBare = false;
    this.isProbeWanted = false;
    this.isReplyDue = true;
    this.logReadIndex = 0;
    this.isLogReadHeld = false;
    this.ackedSentAtMs = -1;
    this.ackedReadToken = 0;
    this.heardMs = nowMs;
    this.inflight.clear();
  }

  becomeProbe(nextIndex: number): void {
    this.state = ProgressState.probe;
    this.nextIndex = nextIndex;
    this.isProbeSent = false;
    this.isProbeBare = false;
    this.isProbeWanted = false;
    this.inflight.clear();
  }

  /** The logs are known to agree before `nextIndex`: what comes from there can be sent blindly. */
  becomeReplicate(nextIndex: number): void {
    this.state = ProgressState.replicate;
    this.nextIndex = nextIndex;
    this.isProbeSent = false;
    this.isProbeBare = false;
    this.isProbeWanted = false;
  }

  /** Entries that it needs are gone: the host sends a snapshot. */
  becomeSnapshot(): void {
    this.state = ProgressState.snapshot;
    this.isProbeSent = false;
    this.isProbeBare = false;
    this.isProbeWanted = false;
    this.logReadIndex = 0;
    this.inflight.clear();
  }

  view(): ProgressView {
    return {
      id: this.id,
      state: this.state,
      matchIndex: this.matchIndex,
      nextIndex: this.nextIndex,
      inflightAppends: this.inflight.count,
      inflightBytes: this.inflight.bytes,
    };
  }

  clone(): Peer {
    const copy = new Peer(this.id);
    copy.isOldVoter = this.isOldVoter;
    copy.isNextVoter = this.isNextVoter;
    copy.hasGranted = this.hasGranted;
    copy.state = this.state;
    copy.matchIndex = this.matchIndex;
    copy.nextIndex = this.nextIndex;
    copy.isProbeSent = this.isProbeSent;
    copy.isProbeBare = this.isProbeBare;
    copy.isProbeWanted = this.isProbeWanted;
    copy.isReplyDue = this.isReplyDue;
    copy.logReadIndex = this.logReadIndex;
    copy.isLogReadHeld = this.isLogReadHeld;
    copy.ackedSentAtMs = this.ackedSentAtMs;
    copy.ackedReadToken = this.ackedReadToken;
    copy.heardMs = this.heardMs;
    copy.inflight = this.inflight.clone();
    return copy;
  }

  assertInvariants(lastIndex: number, windowAppends: number): void {
    invariant(this.matchIndex < this.nextIndex, "what is sent next is not known to match");
    invariant(this.nextIndex <= lastIndex + 1, "nothing beyond the log is sent");
    invariant(this.inflight.count <= windowAppends, "appends on their way fit the window");
    invariant(
      this.state === ProgressState.replicate || this.inflight.count === 0,
      "a probe does not use the window",
    );
    this.inflight.assertInvariants(this.matchIndex, this.nextIndex);
  }
}
