/** Frame commands of this package, 32 to 63. */
export const KvCommand = {
  put: 32,
  get: 33,
  delete: 34,
  list: 35,
  cas: 36,
  batchPut: 37,
  batchGet: 38,
  mkdir: 39,
} as const;

/** What the payload of a log entry is. The payload of each is the body of the request, byte for byte. */
export const EntryKind = { put: 1, delete: 2, cas: 3, batchPut: 4, mkdir: 5 } as const;

/** Set in the flags of a read that any replica may answer from what it has, without asking for the latest. */
export const FLAG_STALE = 1;
/** Set in the flags of a read that any replica may answer as a linearizable one, by way of the leader. */
export const FLAG_REPLICA = 16;
/** Set in the flags of a stale read whose answer begins with what it stands on: `u64 applied index · u64 age in ms`. */
export const FLAG_FRESHNESS = 32;
