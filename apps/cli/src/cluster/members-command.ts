import { RaftAdmin, RaftError } from "@dt/raft";
import type { Member, MemberTarget, RaftClient } from "@dt/raft";
import { KV_GROUP_ID } from "@dt/server";
import type { Command } from "commander";
import { Option } from "commander";
import type { CliContext } from "../cli-context.ts";
import { describeFailure } from "../failure.ts";
import { formatJson, formatTable } from "../output.ts";
import { print } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";
import { withClient, withConnectOptions } from "./connect.ts";
import type { ConnectOptions } from "./connect.ts";
import { collectMembers, parseMember, parseNodeId } from "./member-argument.ts";
import { describeMembers } from "./member-list.ts";
import type { MemberView } from "./member-list.ts";

interface MembersOptions extends ConnectOptions {
  readonly output: "table" | "json";
}

interface ChangeOptions extends MembersOptions {
  readonly force?: boolean;
}

/** Adds the commands that look at the members of the tree's group and change them. */
export function registerMemberCommands(cluster: Command, context: CliContext): void {
  command(cluster, "members")
    .description("who votes, who only follows, and how far each is")
    .action((options: MembersOptions) => show(context, options, (client) => viewMembers(client)));
  command(cluster, "add")
    .argument("<id=host:port>", "the node, which runs with cluster.join", parseMember)
    .option("--observer", "it only follows, and never counts")
    .addOption(forceOption())
    .description("add a node: it follows, catches up and, unless it is to observe, votes")
    .action((member: Member, options: ChangeOptions & { readonly observer?: boolean }) =>
      change(context, options, (now) => withMember(now, member, options.observer === true)),
    );
  command(cluster, "remove")
    .argument("<id>", "the node", parseNodeId)
    .description("remove a node; its id never comes back. A leader hands over first")
    .action((nodeId: number, options: ChangeOptions) =>
      change(context, options, (now) => withoutMember(now, nodeId)),
    );
  command(cluster, "change")
    .option("--voter <id=host:port>", "a member that votes; repeat for each", collectMembers, [])
    .option("--observer <id=host:port>", "one that only follows; repeat", collectMembers, [])
    .addOption(forceOption())
    .description("make exactly these the members, in one change")
    .action(
      (
        options: ChangeOptions & {
          readonly voter: readonly Member[];
          readonly observer: readonly Member[];
        },
      ) => change(context, options, () => ({ voters: options.voter, observers: options.observer })),
    );
  command(cluster, "transfer")
    .argument(
      "[id]",
      "the voter that is to lead; default: the one that has most of the log",
      parseNodeId,
    )
    .description("move the leadership; writes wait meanwhile, none fails")
    .action((nodeId: number | undefined, options: MembersOptions) =>
      show(context, options, async (client) => {
        const admin = new RaftAdmin(client, KV_GROUP_ID);
        await admin.transferLeadership(nodeId ?? 0, { timeoutMs: options.timeout });
        return viewAfterwards(context.terminal, () => viewMembers(client));
      }),
    );
}

function command(cluster: Command, name: string): Command {
  return withConnectOptions(cluster.command(name)).addOption(
    new Option("-o, --output <format>", "how to print").choices(["table", "json"]).default("table"),
  );
}

function forceOption(): Option {
  return new Option("--force", "make voters of nodes that have not caught up");
}

function change(
  context: CliContext,
  options: ChangeOptions,
  targetOf: (now: MemberTarget) => MemberTarget,
): Promise<void> {
  return show(context, options, async (client) => {
    const target = targetOf(targetNow(await viewMembers(client)));
    const timeoutMs = options.timeout;
    const force = options.force === true;
    await new RaftAdmin(client, KV_GROUP_ID).changeMembers(target, { force, timeoutMs });
    return viewAfterwards(context.terminal, () => viewMembers(client));
  });
}

async function show(
  context: CliContext,
  options: MembersOptions,
  work: (client: RaftClient) => Promise<MemberView | null>,
): Promise<void> {
  const view = await withClient(context, options, work);
  if (view === null) {
    return;
  }
  const { stdout } = context.terminal;
  await print(stdout, options.output === "json" ? formatJson(view) : format(view));
}

/** What was done stays done when nobody can be asked who the members are then: null, and a line that says so. */
export async function viewAfterwards(
  { stderr }: Pick<Terminal, "stderr">,
  view: () => Promise<MemberView>,
): Promise<MemberView | null> {
  try {
    return await view();
  } catch (error) {
    const [reason = ""] = describeFailure(error).text.split("\n");
    await print(stderr, `dt: it is done, but the members cannot be shown: ${reason}\n`);
    return null;
  }
}

/** As the leader sees them. */
async function viewMembers(client: RaftClient): Promise<MemberView> {
  return describeMembers(await new RaftAdmin(client, KV_GROUP_ID).status());
}

/** The members as they are, or as a change that is under way will make them. */
function targetNow({ members }: MemberView): MemberTarget {
  const ofRole = (role: "voter" | "observer"): Member[] =>
    members.filter(({ nextRole }) => nextRole === role).map(toMember);
  return { voters: ofRole("voter"), observers: ofRole("observer") };
}

function toMember({ nodeId, address }: MemberView["members"][number]): Member {
  return parseMember(`${nodeId}=${address}`);
}

function withMember(now: MemberTarget, member: Member, observes: boolean): MemberTarget {
  const rest = without(now, member.nodeId);
  return observes
    ? { ...rest, observers: [...rest.observers, member] }
    : { ...rest, voters: [...rest.voters, member] };
}

/** As `without`, of a node that is there. */
function withoutMember(now: MemberTarget, nodeId: number): MemberTarget {
  const isThere = [...now.voters, ...now.observers].some((member) => member.nodeId === nodeId);
  if (!isThere) {
    const problems = [`node ${nodeId}: not a member`];
    throw new RaftError({ code: "DT_RAFT_MEMBERS_INVALID", problems });
  }
  return without(now, nodeId);
}

function without({ voters, observers }: MemberTarget, nodeId: number): MemberTarget {
  const isOther = (member: Member): boolean => member.nodeId !== nodeId;
  return { voters: voters.filter(isOther), observers: observers.filter(isOther) };
}

const HEAD = ["node", "address", "role", "log", "leader"];

function format(view: MemberView): string {
  return formatTable(
    HEAD,
    view.members.map(({ nodeId, address, role, nextRole, isLeader, matchIndex }) => [
      nodeId,
      address,
      role === nextRole ? role : `${role} > ${nextRole}`,
      matchIndex ?? "-",
      isLeader ? "*" : "",
    ]),
  );
}
