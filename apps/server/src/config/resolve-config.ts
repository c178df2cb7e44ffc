import { resolve } from "node:path";
import type * as z from "zod";
import type { ConfigProblem } from "../server-error.ts";
import { describeIssue } from "./describe-issue.ts";
import { SCHEMA, SECTIONS } from "./schema.ts";
import type { RawConfig } from "./schema.ts";
import type { ServerConfig } from "./server-config.ts";
import { checkMembership } from "./check-membership.ts";
import { resolveOptions } from "./resolve-options.ts";

type SectionName = keyof typeof SECTIONS;
type Sections = { readonly [K in SectionName]: z.output<(typeof SECTIONS)[K]> | null };

/**
 * Checks a configuration and completes it. Every problem goes to `problems`, those of one section whatever is
 * wrong with another; null when there is one. `baseDir` is what a relative `dataDir` is relative to.
 */
export function resolveConfig(
  input: unknown,
  baseDir: string,
  problems: ConfigProblem[],
): ServerConfig | null {
  const before = problems.length;
  const sections = parseSections(input, problems);
  if (sections === null) {
    return null;
  }
  checkMembership(sections.cluster, sections.node, problems);
  const options = resolveOptions(
    validKeys("raft", input),
    validKeys("limits", input),
    validKeys("storage", input),
    problems,
  );
  const { cluster, node, dataDir, log, stop } = sections;
  if (
    problems.length > before ||
    options === null ||
    cluster === null ||
    node === null ||
    dataDir === null ||
    log === null ||
    stop === null
  ) {
    return null;
  }
  const members = cluster.members.map(({ id, host, port }) =>
    Object.freeze({ nodeId: id, host, port }),
  );
  const own = members.find((member) => member.nodeId === node.id);
  const listen = sections.listen ?? own;
  if (listen === undefined) {
    return null;
  }
  return Object.freeze({
    clusterId: cluster.id,
    nodeId: node.id,
    members: Object.freeze(members),
    dataDir: resolve(baseDir, dataDir),
    listen: Object.freeze({ host: listen.host, port: listen.port }),
    logLevel: log.level,
    stopTimeoutMs: stop.timeoutMs,
    ...options,
  });
}

/** Each section on its own, null where it has problems; null for what is not a map at all. */
function parseSections(input: unknown, problems: ConfigProblem[]): Sections | null {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    problems.push({
      path: "",
      message: "must be a map with the sections cluster, node and dataDir",
    });
    return null;
  }
  const result = SCHEMA.safeParse(input);
  const faulty = new Set<PropertyKey>();
  for (const issue of result.error?.issues ?? []) {
    problems.push(...describeIssue(issue, input));
    if (issue.path[0] !== undefined) {
      faulty.add(issue.path[0]);
    }
  }
  const section = <K extends SectionName>(key: K): Sections[K] =>
    faulty.has(key)
      ? null
      : (SECTIONS[key].parse((input as Record<string, unknown>)[key]) as Sections[K]);
  return {
    cluster: section("cluster"),
    node: section("node"),
    dataDir: section("dataDir"),
    listen: section("listen"),
    log: section("log"),
    stop: section("stop"),
    raft: section("raft"),
    storage: section("storage"),
    limits: section("limits"),
  };
}

/** The keys of a section of options whose values are of the right type, so that they can be checked further. */
function validKeys<K extends "raft" | "limits" | "storage">(name: K, input: unknown): RawConfig[K] {
  const given = (input as Record<string, unknown>)[name];
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
