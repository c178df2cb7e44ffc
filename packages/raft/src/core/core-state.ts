import type { Member } from "../entry/config-payload.ts";
import type { LogState } from "./log-state.ts";
import { AskedReads } from "./asked-reads.ts";
import { ConfigTrack } from "./config-track.ts";
import { GatedAcks } from "./gated-acks.ts";
import { invariant } from "./invariant.ts";
import { LogView } from "./log-view.ts";
import {
  type ConfigEntry,
  type Configuration,
  configurationOf,
  isJoint,
  isVoterIn,
  membersOf,
} from "./membership.ts";
import type { NodeId } from "./message.ts";
import type { CoreOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Role } from "./output.ts";
import { PendingReads } from "./pending-reads.ts";
import { Peer } from "./progress.ts";
import { quorumSize } from "./quorum.ts";
import { nextRandom, randomBetween, seedRandom } from "./random.ts";
import { TermRuns } from "./term-runs.ts";
import { WriteTracker } from "./write-tracker.ts";

/** What a core starts from. */
export interface CoreConfig {
  readonly id: NodeId;
  /**
   * Members that vote as long as the log holds no configuration. A node that is not among them
   * follows and never campaigns; without any, it waits to be added by others.
   */
  readonly voters: readonly NodeId[];
  /** Members that only follow, as long as the log holds no configuration. */
  readonly observers?: readonly NodeId[];
  /** Where the members of the start are, for configurations that are made from it. */
  readonly members?: readonly Member[];
  readonly options: CoreOptions;
  /** The configuration that came with the snapshot that the state machine was restored from. */
  readonly snapshotConfig?: ConfigEntry | null;
  /** What the log holds. */
  readonly state: LogState;
  /** What the state machine holds; at most the last entry of the log. */
  readonly appliedIndex: number;
  /** Different on every node and at every start: also tells the runs of one node apart. */
  readonly seed: number;
}

/**
 * Everything the algorithm remembers: plain data, changed only by the functions of this folder.
 *
 * appliedIndex <= commitIndex <= log.lastIndex
 */
export class CoreState {
  readonly config: CoreConfig;
  readonly id: NodeId;
  readonly options: CoreOptions;
  readonly configs: ConfigTrack;
  /** This node votes: in the only configuration or in either half of a joint one. */
  isVoter = false;
  isOldVoter = false;
  isNextVoter = false;
  /** Majority of the voters; of a joint configuration, of the old half. */
  quorum = 1;
  /** Majority of the new half of a joint configuration; 0 = it is not joint. */
  nextQuorum = 0;
  /** Other members: those that vote in the old half first, see `voterPeers`. */
  peers: Peer[] = [];
  /** How many of the first peers vote in the old half. */
  voterPeers = 0;

  /** The clocks at the last step. */
  nowMs: number;
  wallMs = 0;
  lastTickMs: number;
  randomState: number;
  /** The timeout drawn for this round. */
  electionTimeoutMs = 0;
  electionDeadlineMs = 0;
  /** When a live leader was last heard: until electionTimeoutMin later it gets no rival. */
  heardLeaderMs: number;
  /** One decision was put off after a stall of the process; the next one is not. */
  isStallExcused = false;

  term: number;
  vote: NodeId;
  role: Role = Role.follower;
  leaderId: NodeId = 0;
  readonly log: LogView;
  readonly writes: WriteTracker;
  commitIndex: number;
  appliedIndex: number;

  /** Acks and the vote of this term that wait for writes. */
  readonly acks: GatedAcks;
  grantTo: NodeId = 0;
  /** Candidate: the own vote is durable, so it counts and others have been asked. */
  hasOwnVote = false;

  /** Leader: index of the no-op that opened its term. */
  termStartIndex = 0;
  heartbeatDueMs = 0;
  isHeartbeatWanted = false;
  isAppendWanted = false;
  /** Leader: nothing is left to do about the active configuration, see `settleConfiguration`. */
  isConfigurationSettled = true;
  /** Leader: who is to take over; 0 = nobody. */
  transferTo: NodeId = 0;
  transferDeadlineMs = 0;
  isTimeoutNowSent = false;
  /** Leader: a voter was told to campaign at once; there is no lease for the rest of the term. */
  isLeaseGivenUp = false;
  /** Candidate: the leader told it to campaign, so voters need not wait for that one's silence. */
  isSuccessor = false;
  /** Index of a committed configuration without this node, as a voter said; 0 = none. */
  removedAtIndex = 0;
  /** Reads that wait for the leader's answer. */
  readonly askedReads: AskedReads;
  /** Commit index of the leader in the newest of its messages that named it. */
  leaderCommitIndex = 0;
  /** When this node last held all that its leader had committed, by this node's clock; -1 = never. */
  freshMs = -1;
  /** Leader: the lease that quorum answers gave, as a time of this clock; 0 = none. */
  leaseUntilMs = 0;
  readonly reads: PendingReads;

  readonly out: Outbox;
  /** Commit index in the last output. */
  reportedCommitIndex: number;
  /** Work space of quorum questions; carries nothing from one step to the next. */
  readonly scratch: number[] = [];
  readonly halfScratch: number[] = [];

  constructor(config: CoreConfig, nowMs: number, from: CoreState | null = null) {
    const { hardState, firstIndex, lastIndex, lastChain, termRuns, prevTerm } = config.state;
    this.config = config;
    this.id = config.id;
    this.options = config.options;
    this.nowMs = nowMs;
    this.lastTickMs = nowMs;
    this.heardLeaderMs = nowMs;
    this.term = hardState.term;
    this.vote = hardState.vote;
    this.randomState = seedRandom(config.seed, config.id);
    this.appliedIndex = config.appliedIndex;
    this.commitIndex = Math.max(
      Math.min(hardState.commitIndex, lastIndex),
      config.appliedIndex,
      firstIndex - 1,
    );
    this.reportedCommitIndex = this.commitIndex;
    if (from === null) {
      this.configs = new ConfigTrack(configsOf(config));
      this.log = new LogView(new TermRuns(firstIndex, lastIndex, termRuns, prevTerm), lastChain);
      this.writes = new WriteTracker(lastIndex);
      this.acks = new GatedAcks();
      this.reads = new PendingReads();
      this.askedReads = new AskedReads();
      this.out = new Outbox();
      this.configs.dropBefore(config.appliedIndex);
      this.activate();
      this.#start();
      return;
    }
    this.configs = from.configs.clone();
    for (const peer of from.peers) {
      this.peers.push(peer.clone());
    }
    this.log = from.log.clone();
    this.writes = from.writes.clone();
    this.acks = from.acks.clone();
    this.reads = from.reads.clone();
    this.askedReads = from.askedReads.clone();
    this.out = from.out.clone();
    this.#copyScalars(from);
  }

  /** Names this run of the node. */
  get run(): number {
    return this.config.seed >>> 0;
  }

  clone(): CoreState {
    return new CoreState(this.config, this.nowMs, this);
  }

  /** The active configuration changed: takes over who counts, keeps what is known of who stays. */
  activate(): void {
    const { active } = this.configs;
    const { voters, nextVoters } = active;
    const peers: Peer[] = [];
    for (const id of membersOf(active)) {
      if (id !== this.id) {
        const peer = this.peer(id) ?? new Peer(id);
        peer.isOldVoter = voters.includes(id);
        peer.isNextVoter = nextVoters.includes(id);
        peers.push(peer);
      }
    }
    this.peers = peers;
    this.voterPeers = peers.filter((peer) => peer.isOldVoter).length;
    this.isOldVoter = voters.includes(this.id);
    this.isNextVoter = nextVoters.includes(this.id);
    this.isVoter = isVoterIn(active, this.id);
    this.quorum = quorumSize(voters.length);
    this.nextQuorum = isJoint(active) ? quorumSize(nextVoters.length) : 0;
  }

  /**
   * This node voted in the configuration before the active one and does no more, and the active one
   * is not known to be committed. As long as it is not, perhaps only such nodes hold it: then nobody
   * but them can be elected (Raft thesis, section 4.2.2).
   */
  get isVoterUntilCommit(): boolean {
    const { active, list } = this.configs;
    const before = list[list.length - 2];
    return (
      !this.isVoter &&
      before !== undefined &&
      active.index > this.commitIndex &&
      this.removedAtIndex < active.index &&
      isVoterIn(before, this.id)
    );
  }

  /**
   * The entries that would bring the state machine to the log's first index are gone: it waits for a
   * snapshot, or is being restored from one. Such a node votes and stores, and never campaigns.
   */
  get isStateMissing(): boolean {
    return this.appliedIndex < this.log.firstIndex - 1;
  }

  /** The other member `id`, or null. */
  peer(id: NodeId): Peer | null {
    for (const peer of this.peers) {
      if (peer.id === id) {
        return peer;
      }
    }
    return null;
  }

  #start(): void {
    const { id, voters, appliedIndex, options } = this.config;
    invariant(id > 0 && voters.every((voter) => voter > 0), "node ids are above 0");
    invariant(new Set(voters).size === voters.length, "no voter is listed twice");
    invariant(appliedIndex <= this.log.lastIndex, "the state machine is not ahead of the log");
    invariant(this.log.lastTerm <= this.term, "no entry is of a term not entered yet");
    const isAlone = this.isVoter && this.quorum === 1 && this.nextQuorum === 0;
    this.randomState = nextRandom(this.randomState);
    this.electionTimeoutMs = randomBetween(
      this.randomState,
      options.electionTimeoutMinMs,
      options.electionTimeoutMaxMs,
    );
    this.electionDeadlineMs = this.nowMs + (isAlone ? 0 : this.electionTimeoutMs);
  }

  #copyScalars(from: CoreState): void {
    this.isVoter = from.isVoter;
    this.isOldVoter = from.isOldVoter;
    this.isNextVoter = from.isNextVoter;
    this.quorum = from.quorum;
    this.nextQuorum = from.nextQuorum;
    this.voterPeers = from.voterPeers;
    this.wallMs = from.wallMs;
    this.lastTickMs = from.lastTickMs;
    this.randomState = from.randomState;
    this.electionTimeoutMs = from.electionTimeoutMs;
    this.electionDeadlineMs = from.electionDeadlineMs;
    this.heardLeaderMs = from.heardLeaderMs;
    this.isStallExcused = from.isStallExcused;
    this.term = from.term;
    this.vote = from.vote;
    this.role = from.role;
    this.leaderId = from.leaderId;
    this.commitIndex = from.commitIndex;
    this.appliedIndex = from.appliedIndex;
    this.grantTo = from.grantTo;
    this.hasOwnVote = from.hasOwnVote;
    this.termStartIndex = from.termStartIndex;
    this.heartbeatDueMs = from.heartbeatDueMs;
    this.isHeartbeatWanted = from.isHeartbeatWanted;
    this.isAppendWanted = from.isAppendWanted;
    this.leaseUntilMs = from.leaseUntilMs;
    this.isConfigurationSettled = from.isConfigurationSettled;
    this.transferTo = from.transferTo;
    this.transferDeadlineMs = from.transferDeadlineMs;
    this.isTimeoutNowSent = from.isTimeoutNowSent;
    this.isLeaseGivenUp = from.isLeaseGivenUp;
    this.isSuccessor = from.isSuccessor;
    this.removedAtIndex = from.removedAtIndex;
    this.leaderCommitIndex = from.leaderCommitIndex;
    this.freshMs = from.freshMs;
    this.reportedCommitIndex = from.reportedCommitIndex;
  }
}

/** The snapshot's configuration, or that of the start, and what the log holds behind it. */
function configsOf(config: CoreConfig): Configuration[] {
  const { snapshotConfig = null, state } = config;
  const base = snapshotConfig === null ? startOf(config) : configurationOf(snapshotConfig);
  const later = state.configs.filter(({ index }) => index > base.index);
  return [base, ...later.map(configurationOf)];
}

/** What a group starts with before its log says otherwise. */
function startOf({ voters, observers = [], members = [] }: CoreConfig): Configuration {
  return {
    index: 0,
    term: 0,
    members,
    voters,
    observers,
    nextVoters: [],
    nextObservers: [],
    prepareIndex: 0,
    leavesByItself: false,
    removed: [],
    isAbort: false,
  };
}
