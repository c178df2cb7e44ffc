import type { LogIndex } from "@dt/raft";

/** The revision of the store is the index of the log entry that was applied last. */
export type Revision = LogIndex;
