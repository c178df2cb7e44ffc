import { parseAddress } from "@dt/server";
import type { Member } from "@dt/raft";
import { InvalidArgumentError } from "commander";

/** `4=10.0.0.4:7104`: a node's id and where others reach it. */
export function parseMember(text: string): Member {
  const at = text.indexOf("=");
  const nodeId = at < 0 ? Number.NaN : Number(text.slice(0, at));
  const address = at < 0 ? null : parseAddress(text.slice(at + 1));
  if (!Number.isSafeInteger(nodeId) || nodeId < 1 || address === null) {
    throw new InvalidArgumentError("Not id=host:port.");
  }
  return { nodeId, host: address.host, port: address.port };
}

export function collectMembers(text: string, before: readonly Member[]): readonly Member[] {
  return [...before, parseMember(text)];
}

export function parseNodeId(text: string): number {
  const nodeId = Number(text);
  if (!Number.isSafeInteger(nodeId) || nodeId < 1) {
    throw new InvalidArgumentError("Not the id of a node.");
  }
  return nodeId;
}
