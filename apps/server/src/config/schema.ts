import type { DEFAULT_GROUP_OPTIONS } from "@dt/raft";
import * as z from "zod";

const INTEGER_TEXT = /^-?\d+$/u;
const MAX_NODE_ID = 0xffff_ffff;
const MAX_PORT = 0xffff;
const MAX_SNAPSHOT_SECONDS = 31_536_000;
const MAX_SNAPSHOTS = 100;
const MAX_STOP_TIMEOUT_MS = 3_600_000;

/** Environment variables and substitutions are text: text that reads as an integer counts as one. */
function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER) {
  return z.preprocess(
    (value) => (typeof value === "string" && INTEGER_TEXT.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  );
}

function boolean() {
  return z.preprocess(
    (value) => (value === "true" ? true : value === "false" ? false : value),
    z.boolean(),
  );
}

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u,
    "1 to 63 letters, digits, dots, dashes, underscores",
  );
const host = z.string().min(1, "empty").regex(/^\S*$/u, "contains white space");
const port = integer(1, MAX_PORT);

export const MEMBER = z.strictObject({ id: integer(1, MAX_NODE_ID), host, port });

/** Options that a package checks itself: here only what they are called and of which type they are. */
function numbers<K extends string>(keys: readonly K[]) {
  const shape = Object.fromEntries(keys.map((key) => [key, integer().optional()]));
  return shape as Record<K, z.ZodOptional<ReturnType<typeof integer>>>;
}

export const RAFT_KEYS = [
  "electionTimeoutMinMs",
  "electionTimeoutMaxMs",
  "heartbeatMs",
  "tickMs",
  "leaseDriftPercent",
  "maxAppendBytes",
  "windowAppends",
  "windowBytes",
  "tailBytes",
  "catchUpEntries",
  "noSpaceRetryMs",
] as const satisfies readonly (keyof typeof DEFAULT_GROUP_OPTIONS)[];

/** Limits that belong to the options of the raft group. */
export const GROUP_LIMIT_KEYS = [
  "maxEntryBytes",
  "maxPendingProposals",
  "maxPendingBytes",
  "maxPendingReads",
] as const satisfies readonly (keyof typeof DEFAULT_GROUP_OPTIONS)[];

/** Limits that belong to the options of the listening side of @dt/rpc. */
export const RPC_LIMIT_KEYS = [
  "maxFrameBytes",
  "maxConnections",
  "maxInFlightRequests",
  "maxInFlightBytes",
] as const;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export const DURABILITIES = ["fsync", "os"] as const;

export const CLIENT_CERTIFICATES = ["ignore", "optional", "required"] as const;
export const TLS_VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

const file = z.string().min(1, "empty");
const identity = z.string().regex(/^[a-z]+:.+$/u, "kind:name, such as scram:alice or mtls:node-1");

const TLS = z.strictObject({
  certFile: file,
  keyFile: file,
  caFile: file,
  clientCertificates: z.enum(CLIENT_CERTIFICATES).default("ignore"),
  serverName: host.optional(),
  minVersion: z.enum(TLS_VERSIONS).default("TLSv1.2"),
});

const AUTH = z.strictObject({
  usersFile: file.optional(),
  tokensFile: file.optional(),
  certificates: boolean().default(false),
  anonymous: boolean().default(false),
  self: z
    .strictObject({
      user: z.string().min(1, "empty").optional(),
      passwordFile: file.optional(),
      tokenFile: file.optional(),
      certificate: boolean().optional(),
    })
    .optional(),
  members: z.array(identity).default([]),
  admins: z.array(identity).optional(),
});

/** The sections of a configuration. Ranges and relations of the packages' own options are checked by them. */
export const SECTIONS = {
  cluster: z.strictObject({
    id: name,
    members: z.array(MEMBER).default([]),
    join: boolean().default(false),
  }),
  node: z.strictObject({ id: integer(1, MAX_NODE_ID) }),
  dataDir: z.string().min(1, "empty"),
  listen: z.strictObject({ host, port }).optional(),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default("info") }).prefault({}),
  stop: z.strictObject({ timeoutMs: integer(1, MAX_STOP_TIMEOUT_MS).default(10_000) }).prefault({}),
  raft: z
    .strictObject({
      ...numbers(RAFT_KEYS),
      preVote: boolean().optional(),
      checkQuorum: boolean().optional(),
      leaseReads: boolean().optional(),
    })
    .prefault({}),
  storage: z
    .strictObject({
      segmentBytes: integer().optional(),
      durability: z.enum(DURABILITIES).optional(),
    })
    .prefault({}),
  snapshot: z
    .strictObject({
      everySeconds: integer(1, MAX_SNAPSHOT_SECONDS).default(3600),
      everyBytes: integer(1 << 16).default(1 << 30),
      everyEntries: integer(1).default(100_000_000),
      keep: integer(1, MAX_SNAPSHOTS).default(2),
      tailEntries: integer(0).default(100_000),
    })
    .prefault({}),
  limits: z.strictObject(numbers([...GROUP_LIMIT_KEYS, ...RPC_LIMIT_KEYS])).prefault({}),
  tls: TLS.optional(),
  auth: AUTH.optional(),
};

export const SCHEMA = z.strictObject(SECTIONS);

export type RawConfig = z.output<typeof SCHEMA>;
