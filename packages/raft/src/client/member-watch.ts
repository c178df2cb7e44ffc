import type { StatusReply } from "../gen/raft.ts";
import type { GroupRoute } from "./group-route.ts";
import type { Endpoint } from "./link.ts";
import { endpointName } from "./link.ts";

export interface MemberWatchEvents {
  routes(): Iterable<GroupRoute>;
  /** A member is there. */
  onMember(endpoint: Endpoint): void;
  /** This endpoint is of no group any more, and has not been for a whole interval. */
  onGone(name: string): void;
  /** Names of the endpoints that were learned, as opposed to configured. */
  learned(): Iterable<string>;
  /** Asks a leader; rejects when it does not answer. */
  status(endpoint: Endpoint): Promise<StatusReply>;
}

/** Follows changes of members: asks the leaders now and then, and takes in what any status says. */
export class MemberWatch {
  readonly #events: MemberWatchEvents;
  readonly #timer: NodeJS.Timeout;
  /** Endpoints of each group, as its newest configuration has them. */
  readonly #membersOf = new Map<number, { readonly index: number; readonly names: Set<string> }>();
  /** Seen without a group the last time. */
  #suspects = new Set<string>();

  constructor(events: MemberWatchEvents, refreshMs: number) {
    this.#events = events;
    this.#timer = setInterval(() => void this.#refresh(), refreshMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Takes in what a node says about its groups. */
  note(reply: StatusReply): void {
    for (const { groupId, configuration, configurationIndex } of reply.groups) {
      const known = this.#membersOf.get(groupId);
      if (
        configuration === undefined ||
        (known !== undefined && configurationIndex < known.index)
      ) {
        continue;
      }
      const members = configuration.members.filter(({ host, port }) => host !== "" && port > 0);
      this.#membersOf.set(groupId, {
        index: configurationIndex,
        names: new Set(members.map(endpointName)),
      });
      for (const member of members) {
        this.#events.onMember(member);
      }
    }
  }

  /** Never rejects: who does not answer is asked again the next time. */
  async #refresh(): Promise<void> {
    const leaders = new Map<string, Endpoint>();
    for (const { leader } of this.#events.routes()) {
      if (leader !== null) {
        leaders.set(leader.name, leader.endpoint);
      }
    }
    const replies = await Promise.allSettled(
      [...leaders.values()].map((endpoint) => this.#events.status(endpoint)),
    );
    for (const reply of replies) {
      if (reply.status === "fulfilled") {
        this.note(reply.value);
      }
    }
    this.#forget();
  }

  #forget(): void {
    const suspects = new Set<string>();
    for (const name of this.#events.learned()) {
      const isMember = [...this.#membersOf.values()].some(({ names }) => names.has(name));
      if (isMember || this.#membersOf.size === 0) {
        continue;
      }
      if (this.#suspects.has(name)) {
        this.#events.onGone(name);
      } else {
        suspects.add(name);
      }
    }
    this.#suspects = suspects;
  }
}
