import { RpcClient } from "@dt/rpc";
import type { ClientOptions, ClientTls } from "@dt/rpc";
import type { NodeId } from "../core/message.ts";
import type { Logger } from "../node/logger.ts";
import type { Member } from "../node/group-config.ts";
import { MEMBER_ADDRESS_COMMAND } from "./commands.ts";
import { MEMBER_ROLE, refuseMember } from "./membership-check.ts";
import { encodeLeaderHint } from "./status-codec.ts";
import { storeCapabilities, type StoreBook } from "./store-check.ts";

export interface MemberLinksConfig {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** 32 hexadecimal digits, new for each start. */
  readonly processId: string;
  /** Where others reach this node: told to everybody that it connects to. */
  readonly address: { readonly host: string; readonly port: number };
  /** Which data directory each member had. */
  readonly stores?: StoreBook | undefined;
  /** For the connections to the other members; see @dt/rpc. */
  readonly rpc: Omit<ClientOptions, "address" | "identity">;
}

interface MemberLink {
  readonly member: Member;
  readonly client: RpcClient;
  /** Of no group: it called, and is answered. */
  isGuest: boolean;
}

/** Nodes of no group that are answered at the same time; the one that has been here longest goes first. */
const MAX_GUESTS = 32;

/**
 * The connections to other nodes, dialed by this one: to every member of a group, as the groups say, and to nodes
 * that called without being one, such as the leader that adds this node, or a member that was removed and has to be
 * told.
 */
export class MemberLinks {
  readonly #config: MemberLinksConfig;
  readonly #logger: Logger;
  readonly #onLost: (peer: NodeId) => void;
  /** Few: found by looking at each. */
  readonly #links: MemberLink[] = [];
  readonly #membersOf = new Map<number, readonly Member[]>();
  readonly #closing = new Set<Promise<void>>();
  /** How the next connection is made. */
  #rpc: MemberLinksConfig["rpc"];
  #isClosed = false;

  constructor(config: MemberLinksConfig, logger: Logger, onLost: (peer: NodeId) => void) {
    this.#config = config;
    this.#rpc = config.rpc;
    this.#logger = logger;
    this.#onLost = onLost;
  }

  /** The connection to a node, or null when there is none to be had. */
  to(nodeId: NodeId): RpcClient | null {
    for (const { member, client } of this.#links) {
      if (member.nodeId === nodeId) {
        return client;
      }
    }
    return null;
  }

  /** The members of a group from now on; none when the group is gone. */
  setMembers(groupId: number, members: readonly Member[]): void {
    if (members.length === 0) {
      this.#membersOf.delete(groupId);
    } else {
      this.#membersOf.set(groupId, members);
    }
    if (this.#isClosed) {
      return;
    }
    const wanted = this.#wanted();
    for (const link of this.#links.slice()) {
      const member = wanted.get(link.member.nodeId);
      if (member === undefined) {
        this.#keepAsGuest(link);
      } else if (isSamePlace(member, link.member)) {
        link.isGuest = false;
        wanted.delete(member.nodeId);
      } else {
        this.#drop(link);
      }
    }
    for (const member of wanted.values()) {
      this.#links.push(this.#dial(member, false));
    }
  }

  /** A node has called and says where it is; it is who it says it is. */
  onCaller(caller: Member): void {
    if (this.#isClosed || caller.nodeId === this.#config.nodeId) {
      return;
    }
    const known = this.#links.find(({ member }) => member.nodeId === caller.nodeId);
    if (known !== undefined && (!known.isGuest || isSamePlace(known.member, caller))) {
      return;
    }
    if (known !== undefined) {
      this.#drop(known);
    }
    this.#links.push(this.#dial(caller, true));
    this.#boundGuests();
  }

  /** The next connections are made with these keys and certificates. Throws DT_RPC_OPTIONS. */
  reloadTls(tls: ClientTls): void {
    for (const { client } of this.#links) {
      client.reloadTls(tls);
    }
    this.#rpc = { ...this.#rpc, tls };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const link of this.#links.slice()) {
      this.#drop(link);
    }
    await Promise.all(this.#closing);
  }

  /** The other members of all groups. Groups that disagree about a place are in the middle of a move. */
  #wanted(): Map<NodeId, Member> {
    const wanted = new Map<NodeId, Member>();
    for (const members of this.#membersOf.values()) {
      for (const member of members) {
        if (member.nodeId !== this.#config.nodeId && member.host !== "") {
          wanted.set(member.nodeId, member);
        }
      }
    }
    return wanted;
  }

  /** Who is no member any more may still ask, and has to be told. */
  #keepAsGuest(link: MemberLink): void {
    if (!link.client.isConnected) {
      this.#drop(link);
    } else if (!link.isGuest) {
      link.isGuest = true;
      this.#boundGuests();
    }
  }

  #boundGuests(): void {
    const guests = this.#links.filter((link) => link.isGuest);
    if (guests.length > MAX_GUESTS && guests[0] !== undefined) {
      this.#drop(guests[0]);
    }
  }

  #drop(link: MemberLink): void {
    this.#links.splice(this.#links.indexOf(link), 1);
    const closed = link.client.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #dial(member: Member, isGuest: boolean): MemberLink {
    const { nodeId, clusterId, processId, address, stores } = this.#config;
    const capabilities = storeCapabilities(stores);
    const { nodeId: peer, host, port } = member;
    const client = new RpcClient(
      {
        ...this.#rpc,
        address: { host, port },
        identity: { nodeId, clusterId, processId, role: MEMBER_ROLE, capabilities },
      },
      { onHandshake: (info) => refuseMember(this.#config, peer, info) },
    );
    const link: MemberLink = { member, client, isGuest };
    client.onConnect(() => {
      this.#logger.info({ peer }, "member connected");
      client.oneWay(MEMBER_ADDRESS_COMMAND, 0, encodeLeaderHint, { nodeId, ...address });
    });
    client.onDisconnect((error) => {
      this.#logger.info({ peer, err: error }, "member disconnected");
      this.#onLost(peer);
      if (link.isGuest && this.#links.includes(link)) {
        this.#drop(link);
      }
    });
    client.connect().catch((error: unknown) => {
      // It goes on trying by itself; this is the first failure only.
      this.#logger.info({ peer, err: error }, "member is not reachable yet");
      if (link.isGuest && this.#links.includes(link)) {
        this.#drop(link);
      }
    });
    return link;
  }
}

function isSamePlace(a: Member, b: Member): boolean {
  return a.host === b.host && a.port === b.port;
}
