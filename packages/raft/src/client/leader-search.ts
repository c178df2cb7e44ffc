import { Role } from "../core/output.ts";
import { STATUS_COMMAND } from "../transport/commands.ts";
import { decodeStatusReply, encodeNothing } from "../transport/status-codec.ts";
import type { StatusReply } from "../gen/raft.ts";
import type { ClientCall } from "./client-call.ts";
import type { GroupRoute } from "./group-route.ts";
import type { Endpoint, Link } from "./link.ts";

const PROBE_TIMEOUT_MS = 1000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

export interface LeaderSearchEvents {
  /** Every node worth asking. */
  links(): Link[];
  /** A node was named that may not be among the links yet; true when it was not. */
  onNode(endpoint: Endpoint): boolean;
  /** A node told about itself and its groups. */
  onStatus(reply: StatusReply): void;
  /** The leader is known: the calls that wait can go. */
  onLeader(route: GroupRoute, link: Link): void;
  /** The deadline of a waiting call has passed. */
  onExpired(call: ClientCall): void;
}

/**
 * Finds the leader of a group by asking every node, and holds the calls that wait for it: one search per group,
 * however many calls there are. The node that says it leads in the highest term wins; that it really leads is
 * only shown by its answers.
 */
export class LeaderSearch {
  readonly #events: LeaderSearchEvents;
  readonly #stops = new Set<() => void>();
  #isClosed = false;

  constructor(events: LeaderSearchEvents) {
    this.#events = events;
  }

  /** Holds a call until its route has a leader or its deadline passes. */
  wait(call: ClientCall): void {
    const { route } = call;
    route.waiting.push(call);
    if (!route.isSearching) {
      route.isSearching = true;
      void this.#search(route);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) {
      stop();
    }
  }

  /** Never rejects: a probe that fails is an answer like any other. */
  async #search(route: GroupRoute): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#isClosed && this.#expire(route)) {
      const { leader, named } = await this.#askAll(route);
      if (this.#isClosed) {
        break;
      }
      if (leader !== null) {
        route.isSearching = false;
        this.#events.onLeader(route, leader);
        return;
      }
      if (named.filter((endpoint) => this.#events.onNode(endpoint)).length > 0) {
        continue;
      }
      await this.#pause(Math.min(pauseMs * (0.5 + Math.random()), msToDeadline(route)));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    route.isSearching = false;
  }

  /** Ends calls whose deadline has passed; false when none is left. */
  #expire(route: GroupRoute): boolean {
    const now = performance.now();
    const expired = route.waiting.filter((call) => call.deadlineMs <= now);
    if (expired.length > 0) {
      route.waiting = route.waiting.filter((call) => call.deadlineMs > now);
      for (const call of expired) {
        this.#events.onExpired(call);
      }
    }
    return route.waiting.length > 0;
  }

  /**
   * Resolves as soon as a node says that it leads, else when all have answered or had their time, which includes
   * connecting: one that hangs holds up nobody. With the leaders that they name. A
   * newer leader among slower answers shows itself by a NOT_LEADER hint of the older one.
   */
  #askAll(route: GroupRoute): Promise<Findings> {
    const links = this.#events.links();
    const timeoutMs = Math.max(1, Math.min(PROBE_TIMEOUT_MS, msToDeadline(route)));
    return new Promise((resolve) => {
      const named: Endpoint[] = [];
      let left = links.length;
      const end = (leader: Link | null): void => {
        clearTimeout(timer);
        this.#stops.delete(stop);
        resolve({ leader, named });
      };
      const stop = (): void => end(null);
      const timer = setTimeout(stop, timeoutMs);
      this.#stops.add(stop);
      const settle = (link: Link, answer: Answer | null) => {
        left--;
        if (answer !== null && answer.leader !== null) {
          named.push(answer.leader);
        }
        if (answer?.leads === true) {
          end(link);
        } else if (left === 0) {
          end(null);
        }
      };
      for (const link of links) {
        this.#ask(link, route.groupId, timeoutMs).then(
          (answer) => settle(link, answer),
          () => settle(link, null),
        );
      }
    });
  }

  /** What the node says about the group. Rejects when it cannot be reached. */
  async #ask(link: Link, groupId: number, timeoutMs: number): Promise<Answer> {
    const { client } = link;
    await client.connect();
    const reply = await client.call(
      STATUS_COMMAND,
      0,
      timeoutMs,
      encodeNothing,
      null,
      decodeStatusReply,
    );
    this.#events.onStatus(reply);
    const group = reply.groups.find((each) => each.groupId === groupId);
    // A group that has stopped is shown as it was then, a leader perhaps.
    const leads = group?.role === Role.leader && group.stoppedCode === "";
    return { leads, leader: group?.leader ?? null };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => {
        clearTimeout(timer);
        this.#stops.delete(stop);
        resolve();
      };
      const timer = setTimeout(stop, ms);
      this.#stops.add(stop);
    });
  }
}

function msToDeadline(route: GroupRoute): number {
  let deadlineMs = Infinity;
  for (const call of route.waiting) {
    deadlineMs = Math.min(deadlineMs, call.deadlineMs);
  }
  return Math.max(0, deadlineMs - performance.now());
}

interface Findings {
  readonly leader: Link | null;
  readonly named: readonly Endpoint[];
}

interface Answer {
  readonly leads: boolean;
  readonly leader: Endpoint | null;
}
