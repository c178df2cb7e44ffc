// Hot path: per request. Bench: bench/echo.bench.ts. No closures, no promises.
import { failRequest } from "./async-handler.ts";
import { FIRST_USER_COMMAND, Command } from "./frame.ts";
import { GroupState } from "./group-dispatcher.ts";
import { IncomingRequest } from "./incoming-request.ts";
import { Status } from "./status.ts";
import type { CommandTable } from "./command-table.ts";
import type { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";
import type { Group, GroupDispatcher } from "./group-dispatcher.ts";
import type { Logger } from "./logger.ts";
import type { Permits } from "./permits.ts";
import type { Replies } from "./replies.ts";

export interface RequestIntakeDeps {
  readonly connection: Connection;
  readonly commands: CommandTable;
  readonly groups: GroupDispatcher;
  readonly replies: Replies;
  readonly inFlight: Permits;
  readonly counters: Counters;
  readonly logger: Logger;
}

/** Takes the requests and one-ways of the peer, finds their handlers and calls them. */
export class RequestIntake {
  readonly #connection: Connection;
  readonly #commands: CommandTable;
  readonly #groups: GroupDispatcher;
  readonly #replies: Replies;
  readonly #inFlight: Permits;
  readonly #counters: Counters;
  readonly #logger: Logger;
  #lastGroup: Group | null = null;
  /** Set when this side is closing: what arrives from now on is refused. */
  isStopping = false;

  constructor(deps: RequestIntakeDeps) {
    this.#connection = deps.connection;
    this.#commands = deps.commands;
    this.#groups = deps.groups;
    this.#replies = deps.replies;
    this.#inFlight = deps.inFlight;
    this.#counters = deps.counters;
    this.#logger = deps.logger;
  }

  /** body[start, end) is the body; `deadlineMs` is absolute, 0 for none. */
  request(
    command: number,
    groupId: number,
    seq: number,
    deadlineMs: number,
    nowMs: number,
    frameBytes: number,
    body: Buffer,
    start: number,
    end: number,
  ): void {
    if (command < FIRST_USER_COMMAND) {
      this.#control(command, seq);
      return;
    }
    if (this.isStopping) {
      this.#refuse(command, seq, Status.stopping, "DT_RPC_STOPPING", "this side is stopping");
      return;
    }
    const inFlight = this.#inFlight;
    if (!inFlight.hasRoom) {
      this.#counters.flowControlRefusals++;
      const message = `${inFlight.requests} requests of ${inFlight.bytes} bytes are under way`;
      this.#refuse(command, seq, Status.flowControl, "DT_RPC_RECEIVER_FULL", message);
      return;
    }
    let table = this.#commands;
    let group: Group | null = null;
    if (groupId !== 0) {
      group = this.#findGroup(groupId);
      if (group === null) {
        this.#counters.unroutable++;
        const message = `no group ${groupId}`;
        this.#refuse(command, seq, Status.groupNotFound, "DT_RPC_GROUP_NOT_FOUND", message);
        return;
      }
      group.lastActivityMs = nowMs;
      if (group.state === GroupState.draining) {
        this.#counters.unroutable++;
        const message = `group ${groupId} is stopping`;
        this.#refuse(command, seq, Status.groupStopped, "DT_RPC_GROUP_STOPPED", message);
        return;
      }
      table = group.table;
    }
    const handler = table.find(command);
    if (handler === null) {
      this.#counters.unroutable++;
      const message = `no command ${command}`;
      this.#refuse(command, seq, Status.notSupported, "DT_RPC_UNKNOWN_COMMAND", message);
      return;
    }
    inFlight.take(frameBytes);
    if (group !== null) {
      group.inFlight++;
    }
    const request = new IncomingRequest(
      this.#connection,
      this.#replies,
      group,
      command,
      groupId,
      seq,
      false,
      deadlineMs,
      frameBytes,
    );
    try {
      handler(request, body, start, end);
    } catch (error) {
      this.#handlerFailed(request, error);
    }
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
    let table = this.#commands;
    let group: Group | null = null;
    if (groupId !== 0) {
      group = this.#findGroup(groupId);
      if (group === null) {
        this.#counters.unroutable++;
        this.#connection.sendNack(groupId, Status.groupNotFound, command);
        return;
      }
      group.lastActivityMs = nowMs;
      if (group.state === GroupState.draining) {
        this.#counters.unroutable++;
        this.#connection.sendNack(groupId, Status.groupStopped, command);
        return;
      }
      table = group.table;
    }
    const handler = table.find(command);
    if (handler === null) {
      this.#counters.unroutable++;
      this.#connection.sendNack(groupId, Status.notSupported, command);
      return;
    }
    const request = new IncomingRequest(
      this.#connection,
      this.#replies,
      group,
      command,
      groupId,
      0,
      true,
      0,
      frameBytes,
    );
    try {
      handler(request, body, start, end);
    } catch (error) {
      this.#handlerFailed(request, error);
    }
  }

  #findGroup(groupId: number): Group | null {
    const last = this.#lastGroup;
    if (last !== null && last.id === groupId && last.state !== GroupState.removed) {
      return last;
    }
    const group = this.#groups.find(groupId);
    this.#lastGroup = group;
    return group;
  }

  #control(command: number, seq: number): void {
    if (command === Command.ping) {
      this.#connection.sendPong(seq);
      return;
    }
    this.#counters.unroutable++;
    const message = `no command ${command}`;
    this.#refuse(command, seq, Status.notSupported, "DT_RPC_UNKNOWN_COMMAND", message);
  }

  #refuse(command: number, seq: number, status: Status, code: string, message: string): void {
    this.#replies.refuse(command, seq, status, code, message);
  }

  #handlerFailed(request: IncomingRequest, error: unknown): void {
    this.#counters.handlerErrors++;
    const { command, groupId } = request;
    this.#logger.error({ err: error, command, groupId }, "a handler failed");
    failRequest(request, error);
  }
}
