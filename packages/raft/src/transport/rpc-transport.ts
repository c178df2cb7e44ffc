import { asyncHandler, CommandTable, Status } from "@dt/rpc";
import type { ClientTls, IncomingRequest, RpcServer } from "@dt/rpc";
import type { Message, NodeId } from "../core/message.ts";
import type { Logger } from "../node/logger.ts";
import type { Member } from "../node/group-config.ts";
import { type EntryAnswer, type EntryRequest, FetchResult } from "../node/entry-fetch.ts";
import type { RaftTransport, TransportReceiver } from "../node/transport.ts";
import {
  decodeFetchAnswer,
  decodeFetchRequest,
  encodeFetchAnswer,
  encodeFetchRequest,
} from "./entry-fetch-codec.ts";
import {
  FETCH_COMMAND,
  kindOfCommand,
  MEMBER_ADDRESS_COMMAND,
  MESSAGE_KINDS,
  messageCommand,
} from "./commands.ts";
import { MemberLinks, type MemberLinksConfig } from "./member-links.ts";
import { MEMBER_ROLE } from "./membership-check.ts";
import { decodeMessageBody, encodeMessageBody } from "./message-codec.ts";
import { decodeLeaderHint } from "./status-codec.ts";

const FETCH_TIMEOUT_MS = 10_000;

/** Counters since the start; plain numbers for a sampler. */
export interface TransportCounters {
  /** Messages dropped because the peer was not connected, its send buffer was full, or it takes none so large. */
  dropped: number;
  /** Messages refused because their sender is not the member that it claims to be. */
  foreign: number;
  /** Bodies that could not be decoded or whose records were damaged. */
  malformed: number;
}

/**
 * Carries the messages of all groups over one connection to each other member, dialed by the sender. Messages
 * are one-way frames with the group's id; their order holds as long as the connection does.
 */
export class RpcTransport implements RaftTransport {
  readonly counters: TransportCounters = { dropped: 0, foreign: 0, malformed: 0 };
  readonly #config: MemberLinksConfig;
  readonly #server: RpcServer;
  readonly #logger: Logger;
  readonly #links: MemberLinks;
  readonly #tables = new Map<number, CommandTable>();
  readonly #receivers = new Map<number, TransportReceiver>();

  constructor(config: MemberLinksConfig, server: RpcServer, logger: Logger) {
    this.#config = config;
    this.#server = server;
    this.#logger = logger;
    this.#links = new MemberLinks(config, logger, (peer) => this.#onLost(peer));
    server.commands.on(MEMBER_ADDRESS_COMMAND, (request, body, start, end) =>
      this.#onAddress(request, body, start, end),
    );
  }

  /** The command table of a group; other commands of the group are added to it. */
  commands(groupId: number): CommandTable {
    let table = this.#tables.get(groupId);
    if (table === undefined) {
      table = new CommandTable();
      this.#tables.set(groupId, table);
    }
    return table;
  }

  register(groupId: number, receiver: TransportReceiver): void {
    const table = this.commands(groupId);
    const onMessage = (request: IncomingRequest, body: Buffer, start: number, end: number) =>
      this.#receive(receiver, request, body, start, end);
    for (const kind of MESSAGE_KINDS) {
      table.on(messageCommand(kind), onMessage);
    }
    table.on(
      FETCH_COMMAND,
      asyncHandler(async (request, body) => {
        if (!this.#isMember(request)) {
          this.counters.foreign++;
          request.fail(Status.denied, "DT_RAFT_UNKNOWN_MEMBER", "only members may ask for entries");
          return Buffer.alloc(0);
        }
        const asked = decodeFetchRequest(body);
        const nothing = { result: FetchResult.unknown, batches: [] };
        return encodeFetchAnswer((await receiver.onFetch?.(asked)) ?? nothing);
      }),
    );
    this.#receivers.set(groupId, receiver);
    this.#server.groups.register(groupId, table);
  }

  unregister(groupId: number): void {
    this.#receivers.delete(groupId);
    this.#tables.delete(groupId);
    this.#server.groups.unregister(groupId);
    this.#links.setMembers(groupId, []);
  }

  setMembers(groupId: number, members: readonly Member[]): void {
    this.#links.setMembers(groupId, members);
  }

  send(groupId: number, message: Message): boolean {
    const client = this.#links.to(message.to);
    let isSent = false;
    try {
      isSent =
        client !== null &&
        client.oneWay(messageCommand(message.kind), groupId, encodeMessageBody, message);
    } catch (err) {
      // Over what the peer takes in one frame: its limits are not ours. The group must not end because of it.
      this.#logger.error({ peer: message.to, groupId, err }, "a message cannot be sent");
    }
    if (!isSent) {
      this.counters.dropped++;
    }
    return isSent;
  }

  fetch(groupId: number, peer: NodeId, request: EntryRequest): Promise<EntryAnswer> {
    const client = this.#links.to(peer);
    return client === null
      ? Promise.resolve({ result: FetchResult.unknown, batches: [] })
      : client.call(
          FETCH_COMMAND,
          groupId,
          FETCH_TIMEOUT_MS,
          encodeFetchRequest,
          request,
          decodeFetchAnswer,
        );
  }

  /** The next connections to the other members are made with these. Throws DT_RPC_OPTIONS. */
  reloadTls(tls: ClientTls): void {
    this.#links.reloadTls(tls);
  }

  /** Closes the connections to the other members. */
  close(): Promise<void> {
    return this.#links.close();
  }

  #onLost(peer: NodeId): void {
    for (const receiver of this.#receivers.values()) {
      receiver.onUnreachable(peer);
    }
  }

  /** Who dials says where it can be reached: that is how a node answers one that it has never heard of. */
  #onAddress(request: IncomingRequest, body: Buffer, start: number, end: number): void {
    if (!request.isOneWay) {
      refuseRequest(request);
      return;
    }
    const { peer } = request.connection;
    const member = decodeLeaderHint(body.subarray(start, end));
    const { clusterId } = this.#config;
    if (
      member === null ||
      peer.role !== MEMBER_ROLE ||
      peer.clusterId !== clusterId ||
      peer.nodeId !== member.nodeId
    ) {
      this.counters.foreign++;
      return;
    }
    this.#links.onCaller(member);
  }

  #receive(
    receiver: TransportReceiver,
    request: IncomingRequest,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    if (!request.isOneWay) {
      refuseRequest(request);
      return;
    }
    const { message, fault } = decodeMessageBody(kindOfCommand(request.command), body, start, end);
    const { peer } = request.connection;
    if (message === null) {
      this.counters.malformed++;
      this.#logger.error({ peer: peer.nodeId, groupId: request.groupId, fault }, "bad message");
      return;
    }
    const isTheirs = this.#isMember(request) && peer.nodeId === message.from;
    if (!isTheirs || message.to !== this.#config.nodeId) {
      this.counters.foreign++;
      return;
    }
    receiver.onMessage(message);
  }

  #isMember({ connection: { peer } }: IncomingRequest): boolean {
    return peer.role === MEMBER_ROLE && peer.clusterId === this.#config.clusterId;
  }
}

/** Members wait for no answers: who asks for one is none, or is broken. */
function refuseRequest(request: IncomingRequest): void {
  const reason = "messages between members are one-way";
  request.fail(Status.invalid, "DT_RAFT_REQUEST_MALFORMED", reason);
}
