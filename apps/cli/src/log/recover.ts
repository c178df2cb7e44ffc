import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type ConfigEntry,
  forceMembers,
  type ForcedPlan,
  type Member,
  planForcedMembers,
} from "@dt/raft";
import { DataDirectory, nodeFileSystem, readIdentity } from "@dt/raft-log-file";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { CliExit } from "../exit-code.ts";
import { print } from "../terminal.ts";
import { findDataDirectory } from "./data-directory.ts";

export interface RecoverOptions {
  readonly group: number;
  readonly keep: readonly Member[];
  readonly start: readonly Member[];
  /** The sentence that the plan asks for, word by word. */
  readonly confirm?: string;
}

/**
 * Makes survivors the whole group when a majority is gone for good. Without the right `--confirm` it only says
 * what it would do, and ends with 1.
 */
export async function recoverGroup(
  context: CliContext,
  name: string,
  options: RecoverOptions,
): Promise<void> {
  const { cwd, stdout } = context.terminal;
  const path = findDataDirectory(cwd, name);
  const identity = await readIdentity(nodeFileSystem, path);
  if (identity === null) {
    throw new CliError({ code: "DT_CLI_NO_DATA", directory: name });
  }
  if (!existsSync(join(path, String(options.group)))) {
    // Opening its log would make one, and forcing it a group that never was.
    const message = `${name} holds nothing of group ${options.group}`;
    throw new CliError({ code: "DT_CLI_USAGE", message });
  }
  const { clusterId, nodeId } = identity;
  const data = await DataDirectory.open({ path, clusterId, nodeId });
  try {
    const log = data.log(options.group);
    const state = await log.open();
    const snapshotConfig = await snapshotConfigOf(data, options.group, state.lastIndex);
    const { keep: voters, start } = options;
    const wallMs = Date.now();
    const plan = planForcedMembers(state, { nodeId, voters, start, snapshotConfig, wallMs });
    const sentence = sentenceOf(plan);
    await print(stdout, describe(plan, options.group));
    if (options.confirm === sentence) {
      await forceMembers(log, plan);
      await print(stdout, "done: start this node first, then the others that are left\n");
    } else {
      await print(stdout, `nothing was changed; do it with --confirm "${sentence}"\n`);
      context.exitCode = CliExit.failed;
    }
  } finally {
    await data.close();
  }
}

/** Of the newest snapshot; one that the log does not reach yet is for the node's own start to take. */
async function snapshotConfigOf(
  data: DataDirectory,
  groupId: number,
  lastIndex: number,
): Promise<ConfigEntry | null> {
  const [newest] = await data.snapshots(groupId).open();
  if (newest !== undefined && newest.index > lastIndex) {
    const message = `the log ends at ${lastIndex}, before the snapshot at ${newest.index}: start the node once`;
    throw new CliError({ code: "DT_CLI_USAGE", message });
  }
  if (newest === undefined || newest.membershipIndex === 0) {
    return null;
  }
  return { index: newest.membershipIndex, term: newest.term, payload: newest.membership };
}

/** Names who must stay away, so that it is not confirmed by habit. */
function sentenceOf({ gone }: ForcedPlan): string {
  return gone.length === 0
    ? "nobody is given up"
    : `node ${gone.join(", node ")} will never start again`;
}

function describe({ before, voters, gone, term, index }: ForcedPlan, groupId: number): string {
  const joint = before.nextVoters.length === 0 ? "" : `, next ${before.nextVoters.join(", ")}`;
  return [
    `group ${groupId}: voters ${before.voters.join(", ")}${joint} since index ${before.index}`,
    `from index ${index} in term ${term} on: voters ${voters.join(", ")}, no observers`,
    gone.length === 0
      ? "nobody is given up"
      : `given up for ever: node ${gone.join(", node ")}; what only they had is lost, ACKNOWLEDGED WRITES INCLUDED`,
    "every entry of this log counts as decided: do this on the survivor whose log is the newest, and on no other",
    "",
  ].join("\n");
}
