// Hot path: per request. Bench: bench/echo.bench.ts. No closures, no promises.
import { failRequest } from "./async-handler.ts";
import { Command } from "./frame.ts";
import { GroupState } from "./group-dispatcher.ts";
import { IncomingRequest } from "./incoming-request.ts";
import { ParkedRequests } from "./parked-requests.ts";
import { Status } from "./status.ts";
import type { Authorize } from "./auth/authorize.ts";
import type { CommandTable, Handler } from "./command-table.ts";
import type { BadBody } from "./compression/compressed-body.ts";
import type { Connection } from "./connection.ts";
import type { ControlFrames } from "./control-frames.ts";
import type { Counters } from "./counters.ts";
import type { ErrorLog } from "./error-log.ts";
import type { RequestExtension } from "./extension.ts";
import type { Group, GroupDispatcher } from "./group-dispatcher.ts";
import type { RequestChain } from "./interceptor/request-chain.ts";
import type { Permits } from "./permits.ts";
import type { Replies } from "./replies.ts";
import type { SendBuffer } from "./send-buffer.ts";

/** So many groups of one peer are found without a Map. A power of two. */
const RECENT_GROUPS = 16;
const RECENT_MASK = RECENT_GROUPS - 1;

export interface RequestIntakeDeps {
  readonly connection: Connection;
  readonly commands: CommandTable;
  readonly groups: GroupDispatcher;
  readonly out: SendBuffer;
  readonly control: ControlFrames;
  readonly replies: Replies;
  readonly inFlight: Permits;
  readonly counters: Counters;
  readonly errorLog: ErrorLog;
  readonly maxSendBufferBytes: number;
  /** Null without interceptors. */
  readonly requestChain: RequestChain | null;
  /** Null when the peer may do everything. */
  readonly authorize: Authorize | null;
}

/**
 * Takes the requests and one-ways of the peer, finds their handlers and calls them in the order of
 * arrival. While the peer is slow to read its replies, requests are put aside; one-ways may then
 * overtake them.
 */
export class RequestIntake {
  readonly #deps: RequestIntakeDeps;
  readonly #commands: CommandTable;
  readonly #out: SendBuffer;
  readonly #replies: Replies;
  readonly #inFlight: Permits;
  readonly #maxSendBufferBytes: number;
  readonly #chain: RequestChain | null;
  readonly #authorize: Authorize | null;
  readonly #parked = new ParkedRequests();
  /** The groups of the last frames, each at the place that its id has. */
  readonly #recentGroups: (Group | null)[] = Array.from({ length: RECENT_GROUPS }, () => null);
  /** The group of the last frame. */
  #group: Group | null = null;
  /** Why the last route led to no handler. */
  #routeStatus: Status = Status.ok;
  /** This side is closing: new requests are refused. */
  isStopping = false;

  constructor(deps: RequestIntakeDeps) {
    this.#deps = deps;
    this.#commands = deps.commands;
    this.#out = deps.out;
    this.#replies = deps.replies;
    this.#inFlight = deps.inFlight;
    this.#maxSendBufferBytes = deps.maxSendBufferBytes;
    this.#chain = deps.requestChain;
    this.#authorize = deps.authorize;
  }

  /** body[start, end) is the body; `deadlineMs` is absolute, 0 for none. */
  request(
    command: number,
    groupId: number,
    seq: number,
    deadlineMs: number,
    nowMs: number,
    frameBytes: number,
    extension: RequestExtension | null,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    if (command === Command.ping) {
      this.#deps.control.pong(seq);
      return;
    }
    if (this.isStopping) {
      const { replies } = this.#deps;
      replies.refuse(command, seq, Status.stopping, "DT_RPC_STOPPING", "this side is stopping");
      return;
    }
    const inFlight = this.#inFlight;
    if (!inFlight.hasRoom) {
      this.#deps.counters.flowControlRefusals++;
      const message = `${inFlight.requests} requests of ${inFlight.bytes} bytes are under way`;
      this.#replies.refuse(command, seq, Status.flowControl, "DT_RPC_RECEIVER_FULL", message);
      return;
    }
    inFlight.take(frameBytes);
    if (this.#out.bufferedBytes >= this.#maxSendBufferBytes || !this.#parked.isEmpty) {
      const copy = Buffer.from(body.subarray(start, end));
      this.#parked.push({
        command,
        groupId,
        seq,
        deadlineMs,
        frameBytes,
        extension,
        body: copy,
        isCancelled: false,
      });
      return;
    }
    this.#handle(command, groupId, seq, deadlineMs, nowMs, frameBytes, extension, body, start, end);
  }

  oneWay(
    command: number,
    groupId: number,
    nowMs: number,
    frameBytes: number,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    const handler = this.#route(command, groupId, nowMs);
    if (handler === null) {
      this.#deps.control.nack(groupId, this.#routeStatus, command);
      return;
    }
    this.#call(handler, command, groupId, 0, true, 0, frameBytes, null, body, start, end);
  }

  /** Refuses a request whose body cannot be read. */
  refuse(command: number, seq: number, bad: BadBody): void {
    this.#replies.refuse(command, seq, bad.status, bad.code, bad.message);
  }

  /** Refuses a one-way whose body cannot be read. */
  nack(groupId: number, status: Status, command: number): void {
    this.#deps.control.nack(groupId, status, command);
  }

  /** Handles what was put aside, as far as the peer has read its replies. */
  resume(): void {
    while (this.#out.bufferedBytes < this.#maxSendBufferBytes) {
      const parked = this.#parked.shift();
      if (parked === null) {
        return;
      }
      const { command, groupId, seq, deadlineMs, frameBytes, extension, body } = parked;
      const nowMs = this.#out.nowMs();
      if (parked.isCancelled) {
        this.#deps.counters.cancelledBeforeHandling++;
        this.#replies.release(frameBytes);
      } else if (deadlineMs > 0 && nowMs >= deadlineMs) {
        this.#deps.counters.expiredBeforeHandling++;
        this.#replies.release(frameBytes);
      } else {
        const end = body.length;
        this.#handle(command, groupId, seq, deadlineMs, nowMs, frameBytes, extension, body, 0, end);
      }
    }
  }

  /** The peer gives up a request; false unless it was put aside. */
  cancel(seq: number): boolean {
    return this.#parked.cancel(seq);
  }

  /** The connection has closed: what was put aside is forgotten. */
  close(): void {
    for (let parked = this.#parked.shift(); parked !== null; parked = this.#parked.shift()) {
      this.#replies.release(parked.frameBytes);
    }
  }

  #handle(
    command: number,
    groupId: number,
    seq: number,
    deadlineMs: number,
    nowMs: number,
    frameBytes: number,
    extension: RequestExtension | null,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    const handler = this.#route(command, groupId, nowMs);
    if (handler === null) {
      this.#replies.release(frameBytes);
      this.#refuseUnroutable(command, groupId, seq);
      return;
    }
    if (groupId !== 0 && this.#group !== null) {
      this.#group.inFlight++;
    }
    this.#call(
      handler,
      command,
      groupId,
      seq,
      false,
      deadlineMs,
      frameBytes,
      extension,
      body,
      start,
      end,
    );
  }

  #call(
    handler: Handler,
    command: number,
    groupId: number,
    seq: number,
    isOneWay: boolean,
    deadlineMs: number,
    frameBytes: number,
    extension: RequestExtension | null,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    const request = new IncomingRequest(
      this.#deps.connection,
      this.#replies,
      groupId === 0 ? null : this.#group,
      command,
      groupId,
      seq,
      isOneWay,
      deadlineMs,
      frameBytes,
      extension,
    );
    try {
      if (this.#chain !== null && !this.#chain.enter(request, body, start, end)) {
        return;
      }
      handler(request, body, start, end);
    } catch (error) {
      this.#deps.counters.handlerErrors++;
      this.#deps.errorLog.report(error, { command, groupId }, "a handler failed");
      failRequest(request, error);
    }
  }

  /**
   * The handler, and its group in `#group`; null when there is none, and the reason in
   * `#routeStatus`.
   */
  #route(command: number, groupId: number, nowMs: number): Handler | null {
    if (this.#authorize !== null && !this.allows(command, groupId)) {
      return this.#unroutable(Status.denied);
    }
    let table = this.#commands;
    if (groupId !== 0) {
      const group = this.#findGroup(groupId);
      if (group === null) {
        return this.#unroutable(Status.groupNotFound);
      }
      group.lastActivityMs = nowMs;
      if (group.state !== GroupState.running) {
        return this.#unroutable(Status.groupStopped);
      }
      table = group.table;
    }
    return table.find(command) ?? this.#unroutable(Status.notSupported);
  }

  /** Whether the peer may send this command to this group. */
  allows(command: number, groupId: number): boolean {
    const { authorize, connection, counters, errorLog } = this.#deps;
    try {
      return authorize === null || authorize(connection.peer.identity, command, groupId);
    } catch (error) {
      counters.handlerErrors++;
      errorLog.report(error, { command, groupId }, "the authorization failed");
      return false;
    }
  }

  #findGroup(groupId: number): Group | null {
    const at = groupId & RECENT_MASK;
    let group = this.#recentGroups[at] ?? null;
    if (group === null || group.id !== groupId || group.state === GroupState.removed) {
      group = this.#deps.groups.find(groupId);
      this.#recentGroups[at] = group;
    }
    this.#group = group;
    return group;
  }

  #unroutable(status: Status): null {
    this.#deps.counters.unroutable++;
    this.#routeStatus = status;
    return null;
  }

  #refuseUnroutable(command: number, groupId: number, seq: number): void {
    const { replies } = this.#deps;
    const status = this.#routeStatus;
    if (status === Status.groupNotFound) {
      replies.refuse(command, seq, status, "DT_RPC_GROUP_NOT_FOUND", `no group ${groupId}`);
    } else if (status === Status.groupStopped) {
      replies.refuse(command, seq, status, "DT_RPC_GROUP_STOPPED", `group ${groupId} is stopping`);
    } else if (status === Status.denied) {
      replies.refuse(command, seq, status, "DT_RPC_DENIED", `command ${command} is not allowed`);
    } else {
      replies.refuse(command, seq, status, "DT_RPC_UNKNOWN_COMMAND", `no command ${command}`);
    }
  }
}
