import type { Member, ResolvedGroupOptions } from "@dt/raft";
import type { ResolvedFileLogOptions } from "@dt/raft-log-file";
import type { HostPort } from "../address.ts";
import type { SecurityConfig } from "../security/security-config.ts";
import type { LOG_LEVELS, RPC_LIMIT_KEYS } from "./schema.ts";

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Limits of the listening side; what is not given has the default of @dt/rpc. */
export type RpcLimits = Readonly<Partial<Record<(typeof RPC_LIMIT_KEYS)[number], number>>>;

/** Everything that one server process is told, checked and complete. */
export interface ServerConfig {
  readonly clusterId: string;
  readonly nodeId: number;
  /** The voters that a new cluster starts with, this node included; empty for a node that waits to be added. */
  readonly members: readonly Member[];
  /** Absolute. */
  readonly dataDir: string;
  readonly listen: HostPort;
  readonly logLevel: LogLevel;
  /** Milliseconds that a stop may take before the process ends all the same. */
  readonly stopTimeoutMs: number;
  readonly group: ResolvedGroupOptions;
  readonly storage: ResolvedFileLogOptions;
  readonly rpc: RpcLimits;
  readonly security: SecurityConfig;
}
