import type { ConfigRequest } from "./config-request.ts";
import type { Configuration } from "./membership.ts";
import type { NodeId } from "./message.ts";

const MAX_NODE_ID = 0xffff_ffff;
const MAX_PORT = 0xffff;
const MAX_HOST_CHARS = 255;

/** Everything that is wrong with the members that a request asks for. */
export function problemsOf(
  active: Configuration,
  { next, members }: Extract<ConfigRequest, { action: "prepare" }>,
): string[] {
  const problems: string[] = [];
  if (next.voters.length === 0) {
    problems.push("voters: empty; a group has at least one");
  }
  const seen = new Set<NodeId>();
  for (const id of [...next.voters, ...next.observers]) {
    if (seen.has(id)) {
      problems.push(`node ${id}: named twice`);
    }
    seen.add(id);
    problems.push(...problemsOfMember(active, id, members));
  }
  for (const { nodeId } of members) {
    if (!seen.has(nodeId)) {
      problems.push(`node ${nodeId}: has an address but is neither voter nor observer`);
    }
  }
  problems.push(...problemsOfAddresses(members));
  return [...problems, ...sharedAddresses(active, members, seen)];
}

/** Once in the log, an address that nobody can dial stays there. */
export function problemsOfAddresses(members: Addresses): string[] {
  const problems: string[] = [];
  for (const { nodeId, host, port } of members) {
    if (host === "" || host.length > MAX_HOST_CHARS) {
      problems.push(`node ${nodeId}: the host is empty or too long`);
    }
    if (!Number.isInteger(port) || port < 1 || port > MAX_PORT) {
      problems.push(`node ${nodeId}: the port ${port} is not within 1..${MAX_PORT}`);
    }
  }
  return problems;
}

type Addresses = readonly {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
}[];

function problemsOfMember(active: Configuration, id: NodeId, members: Addresses): string[] {
  if (!Number.isInteger(id) || id < 1 || id > MAX_NODE_ID) {
    return [`node ${id}: the id is not within 1..2^32-1`];
  }
  if (active.removed.includes(id)) {
    return [
      `node ${id}: was a member before; a node that comes back gets a new id and an empty log`,
    ];
  }
  const isKnown =
    active.voters.includes(id) ||
    active.observers.includes(id) ||
    members.some(({ nodeId }) => nodeId === id);
  return isKnown ? [] : [`node ${id}: not a member, and no address is given for it`];
}

function sharedAddresses(
  active: Configuration,
  members: Addresses,
  wanted: ReadonlySet<NodeId>,
): string[] {
  const places = new Map<NodeId, string>();
  for (const { nodeId, host, port } of [...active.members, ...members]) {
    if (wanted.has(nodeId) && host !== "") {
      places.set(nodeId, `${host}:${port}`);
    }
  }
  const owners = new Map<string, NodeId>();
  const problems: string[] = [];
  for (const [nodeId, place] of places) {
    const owner = owners.get(place);
    if (owner !== undefined) {
      problems.push(`node ${nodeId}: ${place} is the address of node ${owner} too`);
    }
    owners.set(place, owner ?? nodeId);
  }
  return problems;
}
