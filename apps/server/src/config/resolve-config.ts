import assert from "node:assert/strict";
import { resolve } from "node:path";
import type * as z from "zod";
import type { ConfigProblem } from "../server-error.ts";
import { describeIssue } from "./describe-issue.ts";
import { MEMBER, SCHEMA, SECTIONS } from "./schema.ts";
import type { RawConfig } from "./schema.ts";
import type { ServerConfig } from "./server-config.ts";
import { checkJoin, checkMembership } from "./check-membership.ts";
import type { JoinFacts, PlacedMember } from "./check-membership.ts";
import { resolveOptions } from "./resolve-options.ts";
import { resolveSecurity } from "./resolve-security.ts";
import { Security } from "../security/security.ts";
import type { PackageOptions } from "./resolve-options.ts";

/**
 * Checks a configuration and completes it. Every problem goes to `problems`, those of one section whatever is
 * wrong with another; null when there is one. `baseDir` is what a relative `dataDir` is relative to.
 */
export function resolveConfig(
  input: unknown,
  baseDir: string,
  problems: ConfigProblem[],
): ServerConfig | null {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    problems.push({
      path: "",
      message: "must be a map with the sections cluster, node and dataDir",
    });
    return null;
  }
  checkShape(input, problems);
  checkJoin(joinFacts(input), problems);
  checkMembership(validMembers(input), validNodeId(input), problems);
  const options = resolveOptions(
    validKeys("raft", input),
    validKeys("limits", input),
    validKeys("storage", input),
    validKeys("snapshot", input),
    problems,
  );
  if (problems.length > 0 || options === null) {
    return null;
  }
  const config = complete(input, baseDir, options, problems);
  return problems.length > 0 ? null : config;
}

/** What the schema alone says. A path that has a problem already, such as a missing variable, gets no second. */
function checkShape(input: object, problems: ConfigProblem[]): void {
  const reported = new Set(problems.map(({ path }) => path));
  for (const issue of SCHEMA.safeParse(input).error?.issues ?? []) {
    problems.push(...describeIssue(issue, input).filter(({ path }) => !reported.has(path)));
  }
}

function complete(
  input: object,
  baseDir: string,
  options: PackageOptions,
  problems: ConfigProblem[],
): ServerConfig {
  const raw = SCHEMA.parse(input);
  const { cluster, node, dataDir, listen, log, stop } = raw;
  const security = resolveSecurity(raw, baseDir, problems);
  if (problems.length === 0) {
    // What the files hold is part of what is checked.
    Security.check(security, problems);
  }
  const members = cluster.members.map(({ id, host, port }) =>
    Object.freeze({ nodeId: id, host, port }),
  );
  const address = listen ?? members.find((member) => member.nodeId === node.id);
  assert(address !== undefined, "the membership has been checked");
  const { host, port } = address;
  return Object.freeze({
    clusterId: cluster.id,
    nodeId: node.id,
    members: Object.freeze(members),
    dataDir: resolve(baseDir, dataDir),
    listen: Object.freeze({ host, port }),
    logLevel: log.level,
    stopTimeoutMs: stop.timeoutMs,
    ...options,
    security,
  });
}

/** The members that are right in themselves, so that they can be compared with each other. */
function validMembers(input: unknown): PlacedMember[] {
  const list = property(property(input, "cluster"), "members");
  return (Array.isArray(list) ? list : []).flatMap((given: unknown, index) => {
    const result = MEMBER.safeParse(given);
    return result.success ? [{ index, ...result.data }] : [];
  });
}

function joinFacts(input: object): JoinFacts {
  const cluster = property(input, "cluster");
  const members = property(cluster, "members");
  const join = property(cluster, "join");
  return {
    hasMembers: members !== undefined && !(Array.isArray(members) && members.length === 0),
    joins: join === true || join === "true",
    hasListen: property(input, "listen") !== undefined,
  };
}

function validNodeId(input: unknown): number | null {
  const result = SECTIONS.node.safeParse(property(input, "node"));
  return result.success ? result.data.id : null;
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** The keys of a section of options whose values are of the right type, so that they can be checked further. */
function validKeys<K extends "raft" | "limits" | "storage" | "snapshot">(
  name: K,
  input: unknown,
): RawConfig[K] {
  const given = property(input, name);
  const { shape } = SECTIONS[name].unwrap();
  const valid: Record<string, unknown> = {};
  if (typeof given === "object" && given !== null) {
    for (const [key, value] of Object.entries(given)) {
      const schema = (shape as Record<string, z.ZodType>)[key];
      const result = schema?.safeParse(value);
      if (result?.success === true) {
        valid[key] = result.data;
      }
    }
  }
  return valid as RawConfig[K];
}
