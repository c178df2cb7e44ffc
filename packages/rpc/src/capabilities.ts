/** What a peer may say it understands, beyond what every peer of its version does. */
export const Capability = {
  /** Frames may carry a group id. A peer without it has the short header only. */
  groups: "groups",
  /** Requests may open streams and be cancelled. */
  streams: "streams",
  /** Bodies may be compressed, by zstd or by gzip; only told when compression is on. */
  zstd: "compression:zstd",
  gzip: "compression:gzip",
} as const;

/** What this implementation tells every peer; those of the user come behind. */
export const BUILT_IN_CAPABILITIES: readonly string[] = [Capability.groups, Capability.streams];
