import type { Focus } from "@dt/raft/testing";

/** One change of the built code. */
export interface Patch {
  /** Below `dist/src` of the package. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A mistake that other implementations made, as a change of the built code of this one. */
export interface HistoricalBug {
  readonly id: string;
  readonly what: string;
  readonly patches: readonly Patch[];
  /** Bare cores, or whole groups with queues and stages around them, with snapshots or without, or with everything. */
  readonly runs: "core" | "group" | "snapshots" | "mix";
  /** Fault for which the guided search draws every run; null where all runs are alike. */
  readonly focus: Focus | null;
  /** Seeds within which the search must find it. */
  readonly budget: number;
  /** A guided seed that found it; `npm test` searches from here. */
  readonly seed: number;
}

export const HISTORICAL_BUGS: readonly HistoricalBug[] = [
  {
    id: "P1",
    what: "an answer to an earlier round of heartbeats confirms later reads",
    patches: [
      {
        file: "core/leading.js",
        find: "if (reply.readToken > peer.ackedReadToken) {",
        replace: "if (s.reads.newestToken > peer.ackedReadToken) {",
      },
      {
        file: "core/leading.js",
        find: "peer.ackedReadToken = Math.min(reply.readToken, s.reads.newestToken);",
        replace: "peer.ackedReadToken = s.reads.newestToken;",
      },
    ],
    runs: "core",
    focus: "lateAnswers",
    budget: 2000,
    seed: 1,
  },
  {
    id: "P4",
    what: "a node campaigns when it must not (in the original: by members of the past; here: while a lease counts on it)",
    patches: [
      {
        file: "core/election.js",
        find: "const isFree = !s.options.leaseReads || !isLeaderAlive(s);",
        replace: "const isFree = true;",
      },
    ],
    runs: "core",
    focus: "transfer",
    budget: 2000,
    seed: 1,
  },
  {
    id: "P9",
    what: "a joint configuration that a node recovers counts as its old half alone",
    patches: [
      {
        file: "core/core-state.js",
        find: "this.activate();",
        replace: "this.activate();\n            this.nextQuorum = 0;",
      },
    ],
    runs: "core",
    focus: "members",
    budget: 2000,
    seed: 10,
  },
  {
    id: "P11",
    what: "members of an entry that is gone stay in effect (here: cut away; in the original: replaced by a snapshot)",
    patches: [
      {
        file: "core/following.js",
        find: "isReconfigured = s.configs.truncate(from);",
        replace: "isReconfigured = false;",
      },
    ],
    runs: "core",
    focus: "members",
    budget: 2000,
    seed: 5,
  },
  {
    id: "P12",
    what: "the quorum's index is taken from a list that is only partly sorted",
    patches: [
      {
        file: "core/quorum.js",
        find: "while (at >= 0 && values[at] < value) {",
        replace: "while (at >= 1 && values[at] < value) {",
      },
    ],
    runs: "core",
    focus: "slowDisk",
    budget: 500,
    seed: 1,
  },
  {
    id: "P16",
    what: "a follower commits entries that the message did not verify",
    patches: [
      {
        file: "core/following.js",
        find: "commitTo(s, Math.min(append.commitIndex, verifiedIndex));",
        replace: "commitTo(s, Math.min(append.commitIndex, s.log.lastIndex));",
      },
    ],
    runs: "core",
    focus: "conflict",
    budget: 2000,
    seed: 1,
  },
  {
    id: "P22",
    what: "a vote is given while its write is under way, and held though the write fails",
    patches: [
      {
        file: "core/voting.js",
        find: "if (s.writes.isHardStateDurable) {\n        replyToVote(",
        replace: "if (s.vote !== 0) {\n        replyToVote(",
      },
    ],
    runs: "core",
    focus: "diskFailure",
    budget: 500,
    seed: 1,
  },
  {
    id: "P25",
    what: "a sync that failed counts as done",
    patches: [
      {
        file: "node/write-stage.js",
        find: "if (error === null) {",
        replace: "if (error === null || !isNoSpace(error)) {",
      },
    ],
    runs: "group",
    focus: null,
    budget: 200,
    seed: 1,
  },
  {
    id: "P33",
    what: "a node that lost its disk comes back with its old id, and counts",
    patches: [
      {
        file: "transport/store-check.js",
        find: "if (!sharesOurs && (known === null || known === store)) {",
        replace: "if (!sharesOurs) {",
      },
    ],
    runs: "core",
    focus: "wipe",
    budget: 500,
    seed: 4,
  },
  {
    id: "P36",
    what: "who waits for a write is left behind when its node follows another leader and gets the entry, or a snapshot of it",
    patches: [
      {
        file: "node/group-loop.js",
        find: "proposals.loseLeadership(wasTransferring, nowMs);",
        replace: "",
      },
    ],
    runs: "snapshots",
    focus: null,
    budget: 200,
    seed: 3,
  },
  {
    id: "P47",
    what: "a leader counts entries that its own disk does not hold",
    patches: [
      {
        file: "core/commit.js",
        find: "reachedByQuorum(s, s.writes.durableIndex)",
        replace: "reachedByQuorum(s, s.log.lastIndex)",
      },
    ],
    runs: "core",
    focus: "slowDisk",
    budget: 500,
    seed: 1,
  },
  {
    id: "lease",
    what: "a lease counts from when the answer came, not from when the question left",
    patches: [
      {
        file: "core/leading.js",
        find: "const sentAtMs = Math.min(reply.sentAtMs, s.nowMs);",
        replace: "const sentAtMs = s.nowMs;",
      },
    ],
    runs: "core",
    focus: "drift",
    budget: 2000,
    seed: 2,
  },
  {
    id: "last vote",
    what: "who loses its vote by an entry that is not committed does not campaign, though only such nodes hold it",
    patches: [
      {
        file: "core/election.js",
        find: "s.isVoterUntilCommit;",
        replace: "false;",
      },
    ],
    runs: "core",
    focus: "members",
    budget: 500,
    seed: 1,
  },
  {
    id: "figure 8",
    what: "entries of an earlier term are committed by counting copies",
    patches: [
      {
        file: "core/commit.js",
        find: "index < s.termStartIndex",
        replace: "index < 1",
      },
    ],
    runs: "core",
    focus: "conflict",
    budget: 500,
    seed: 1,
  },
  {
    id: "late echo",
    what: "an answer to a heartbeat of an earlier term echoes its read token with the term of now",
    patches: [
      {
        file: "core/following.js",
        find: "readToken: isOfNow ? heartbeat.readToken : 0,",
        replace: "readToken: heartbeat.readToken,",
      },
    ],
    runs: "core",
    focus: "lateAnswers",
    budget: 2000,
    seed: 109,
  },
  {
    id: "twice",
    what: "a call of a session that is proposed again is applied again",
    patches: [
      {
        file: "node/sessions/session-table.js",
        find: "if (session.results.has(call.sequence)) {",
        replace: "if (call.sequence === 0) {",
      },
    ],
    runs: "mix",
    focus: null,
    budget: 200,
    seed: 1,
  },
];
