import { KvError } from "../errors.ts";

/** Limits of one group's replies. All optional; unknown names are refused. */
export interface KvServerOptions {
  /** Entries on one page of a list, whatever the client asks for. Default 1000, 1 to 100 000. */
  readonly maxListEntries?: number;
  /**
   * A reply to list or batchGet ends with the value that reaches this many bytes. Default 1 MiB. It must fit into a
   * frame of @dt/rpc together with one more value and the keys of a page.
   */
  readonly maxReplyBytes?: number;
}

export type ResolvedKvServerOptions = Readonly<Required<KvServerOptions>>;

export const DEFAULT_KV_SERVER_OPTIONS: ResolvedKvServerOptions = Object.freeze({
  maxListEntries: 1000,
  maxReplyBytes: 1 << 20,
});

const LARGEST: ResolvedKvServerOptions = { maxListEntries: 100_000, maxReplyBytes: 1 << 30 };

/** Fills in the defaults; throws DT_KV_OPTIONS with every problem. */
export function resolveKvServerOptions(input: KvServerOptions = {}): ResolvedKvServerOptions {
  const problems = Object.keys(input)
    .filter((name) => !Object.hasOwn(DEFAULT_KV_SERVER_OPTIONS, name))
    .map((name) => `${name}: unknown option`);
  const options: ResolvedKvServerOptions = {
    maxListEntries: input.maxListEntries ?? DEFAULT_KV_SERVER_OPTIONS.maxListEntries,
    maxReplyBytes: input.maxReplyBytes ?? DEFAULT_KV_SERVER_OPTIONS.maxReplyBytes,
  };
  for (const name of ["maxListEntries", "maxReplyBytes"] as const) {
    const value = options[name];
    if (!Number.isSafeInteger(value) || value < 1 || value > LARGEST[name]) {
      problems.push(`${name}: ${String(value)} is not an integer in 1..${LARGEST[name]}`);
    }
  }
  if (problems.length > 0) {
    throw new KvError({ code: "DT_KV_OPTIONS", problems });
  }
  return Object.freeze(options);
}
