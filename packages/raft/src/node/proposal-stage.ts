// Hot path: per write. Bench: apps/bench raft. No closures but for the opening of a session, no promises.
import { InputKind } from "../core/input.ts";
import { Role } from "../core/output.ts";
import type { RaftCore } from "../core/raft-core.ts";
import { EntryType } from "../entry/record.ts";
import {
  encodeSessionOpening,
  SESSION_OPENING_BYTES,
  SESSION_PREFIX_BYTES,
  writeSessionPrefix,
} from "../entry/session-prefix.ts";
import type { SessionCallId } from "../entry/session-prefix.ts";
import { RaftError } from "../errors.ts";
import type { ApplyStage } from "./apply-stage.ts";
import type { ResolvedGroupOptions } from "./group-options.ts";
import type { GroupStanding } from "./group-standing.ts";
import type { ProposalQueue } from "./proposal-queue.ts";
import type { SessionStage } from "./sessions/session-stage.ts";
import type { Proposal, SessionWaiter } from "./state-machine.ts";
import type { TurnSignal } from "./turn-signal.ts";
import type { WriteStage } from "./write-stage.ts";

export interface ProposalParts<R> {
  readonly groupId: number;
  readonly core: RaftCore;
  readonly options: ResolvedGroupOptions;
  readonly queue: ProposalQueue<R>;
  readonly writes: WriteStage;
  readonly applies: ApplyStage<R>;
  /** Null when the state machine keeps no results. */
  readonly sessions: SessionStage<R> | null;
  readonly standing: GroupStanding;
  readonly signal: TurnSignal;
  readonly drawSecret: () => bigint;
}

/** Takes the writes of a group or refuses them, and gives them to the core once a turn. */
export class ProposalStage<R> {
  readonly #parts: ProposalParts<R>;
  readonly #queue: ProposalQueue<R>;
  /** The session whose call is being handed in right now; null = none. */
  #calling: SessionCallId | null = null;
  /** It has its entry. */
  #isHandedIn = false;
  /** Writes wait for a successor to be known until then, see `loseLeadership`; 0 = they do not. */
  #heldUntilMs = 0;

  constructor(parts: ProposalParts<R>) {
    this.#parts = parts;
    this.#queue = parts.queue;
  }

  /** Writes that wait. */
  get count(): number {
    return this.#queue.count;
  }

  /** As `RaftGroup.propose`. */
  propose(
    bizType: number,
    payload: Buffer,
    start: number,
    end: number,
    proposal: Proposal<R>,
  ): void {
    const refusal = this.#refuse(end - start);
    if (refusal !== null) {
      proposal.fail(refusal);
      return;
    }
    if (this.#calling === null) {
      this.#queue.add(bizType, payload, start, end, proposal);
    } else if (this.#isHandedIn) {
      // It would be taken for a repetition of the first and answered with that one's result, and never be applied.
      proposal.fail(this.#outOfSequence(this.#calling));
      return;
    } else {
      this.#isHandedIn = true;
      this.#addToSession(this.#calling, bizType, payload.subarray(start, end), proposal);
    }
    this.#parts.signal.give();
  }

  /** As `RaftGroup.openSession`. */
  openSession(owner: bigint, opening: SessionWaiter): void {
    const { sessions, drawSecret, signal } = this.#parts;
    const refusal = sessions === null ? this.#noSessions() : this.#refuse(SESSION_OPENING_BYTES);
    if (refusal !== null) {
      opening.fail(refusal);
      return;
    }
    const secret = drawSecret();
    const entry = encodeSessionOpening({ secret, owner });
    const proposal: Proposal<R> = {
      succeed: (_result, index) => opening.succeed({ session: index, secret }),
      fail: (error) => opening.fail(error),
    };
    this.#queue.add(0, entry, 0, entry.length, proposal, EntryType.session);
    signal.give();
  }

  /** As `RaftGroup.inSession`. */
  inSession(call: SessionCallId, handIn: () => void, refused: Pick<Proposal<R>, "fail">): void {
    const { core, sessions, applies, groupId } = this.#parts;
    if (sessions === null) {
      refused.fail(this.#noSessions());
      return;
    }
    if (core.role === Role.leader && sessions.isForgotten(call, applies.appliedIndex)) {
      const { session } = call;
      refused.fail(new RaftError({ code: "DT_RAFT_SESSION_EXPIRED", groupId, session }));
      return;
    }
    this.#calling = call;
    this.#isHandedIn = false;
    try {
      handIn();
    } finally {
      this.#calling = null;
    }
  }

  /** Gives what waits to the core, as batches. */
  step(nowMs: number, wallMs: number): void {
    const { core } = this.#parts;
    if (this.#queue.pendingCount === 0 || core.role !== Role.leader || core.transferTo !== 0) {
      return;
    }
    const batches = this.#queue.seal(core.lastIndex + 1, core.term, wallMs, core.lastChain);
    for (const batch of batches) {
      core.step({ kind: InputKind.propose, batch }, nowMs, wallMs);
    }
  }

  /** Writes that waited for a transfer wait on until the successor is known, so that they can be told where it is. */
  loseLeadership(wasTransferring: boolean, nowMs: number): void {
    const { core, options, standing } = this.#parts;
    const lost = new RaftError({ code: "DT_RAFT_LEADERSHIP_LOST", term: core.term });
    if (wasTransferring) {
      this.#heldUntilMs = nowMs + options.electionTimeoutMinMs;
      this.#queue.failSealed(lost);
    } else {
      const hint = { code: "DT_RAFT_NOT_LEADER", leader: standing.leader() } as const;
      this.#queue.failAll(new RaftError(hint), lost);
    }
  }

  /** Lets those go that wait for a successor, when it is known or was waited for long enough. */
  releaseHeld(nowMs: number): void {
    if (this.#heldUntilMs === 0) {
      return;
    }
    const { core, standing } = this.#parts;
    if (core.role === Role.leader) {
      this.#heldUntilMs = 0;
    } else if (core.leaderId !== 0 || nowMs >= this.#heldUntilMs) {
      this.#heldUntilMs = 0;
      this.#queue.failAll(standing.notLeader, standing.notLeader);
    }
  }

  /** The disk is full. */
  onNoSpace(cause: Error): void {
    this.#queue.failAll(
      new RaftError({ code: "DT_RAFT_NO_SPACE", taken: false }, { cause }),
      new RaftError({ code: "DT_RAFT_NO_SPACE", taken: true }, { cause }),
    );
  }

  /** Nothing is taken any more. */
  stop(error: RaftError): void {
    const taken =
      error.code === "DT_RAFT_GROUP_STOPPED"
        ? new RaftError({ code: error.code, groupId: this.#parts.groupId, taken: true })
        : error;
    this.#queue.failAll(error, taken);
  }

  #refuse(payloadBytes: number): RaftError | null {
    const { core, options, standing, writes } = this.#parts;
    const { maxEntryBytes, maxPendingProposals, maxPendingBytes } = options;
    const pending = this.#queue.count;
    const pendingBytes = this.#queue.byteLength;
    if (standing.stopped !== null) {
      return standing.stopped;
    }
    if (core.role !== Role.leader && this.#heldUntilMs === 0) {
      return standing.notLeader;
    }
    if (payloadBytes > maxEntryBytes) {
      return new RaftError({
        code: "DT_RAFT_ENTRY_TOO_LARGE",
        payloadBytes,
        maxPayloadBytes: maxEntryBytes,
      });
    }
    if (pending >= maxPendingProposals || pendingBytes + payloadBytes > maxPendingBytes) {
      return new RaftError({ code: "DT_RAFT_PROPOSALS_FULL", pending, pendingBytes });
    }
    if (writes.isFull) {
      return new RaftError({ code: "DT_RAFT_NO_SPACE", taken: false });
    }
    return null;
  }

  #noSessions(): RaftError {
    return new RaftError({ code: "DT_RAFT_NO_SESSIONS", groupId: this.#parts.groupId });
  }

  #outOfSequence({ session, sequence }: SessionCallId): RaftError {
    const { groupId } = this.#parts;
    return new RaftError({ code: "DT_RAFT_SESSION_SEQUENCE", groupId, session, sequence });
  }

  #addToSession(
    call: SessionCallId,
    bizType: number,
    payload: Buffer,
    proposal: Proposal<R>,
  ): void {
    const entry = Buffer.allocUnsafe(SESSION_PREFIX_BYTES + payload.length);
    writeSessionPrefix(entry, 0, call);
    payload.copy(entry, SESSION_PREFIX_BYTES);
    this.#queue.add(bizType, entry, 0, entry.length, proposal, EntryType.session);
  }
}
