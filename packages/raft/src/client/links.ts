import { endpointName, Link } from "./link.ts";
import type { Endpoint, LinkOptions } from "./link.ts";

/** The nodes that a client knows, those of its options and those it has learned of. */
export class Links {
  readonly #options: LinkOptions;
  readonly #links = new Map<string, Link>();
  /** Names of the nodes that the options name. */
  readonly #configured: ReadonlySet<string>;
  /** Of all links, which one `nextConnected` gave last. */
  #last = 0;

  constructor(endpoints: readonly Endpoint[], options: LinkOptions) {
    this.#options = options;
    for (const endpoint of endpoints) {
      this.to(endpoint);
    }
    this.#configured = new Set(this.#links.keys());
  }

  all(): Link[] {
    return [...this.#links.values()];
  }

  to(endpoint: Endpoint): Link {
    const name = endpointName(endpoint);
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new Link({ host: endpoint.host, port: endpoint.port }, this.#options);
      this.#links.set(name, link);
    }
    return link;
  }

  /** True for a node that was not known. */
  learn(endpoint: Endpoint): boolean {
    const before = this.#links.size;
    this.to(endpoint);
    return this.#links.size > before;
  }

  /** Names of the nodes that the options do not name. */
  learned(): string[] {
    return [...this.#links.keys()].filter((name) => !this.#configured.has(name));
  }

  /** The next node that is connected, or null when none is. */
  nextConnected(): Link | null {
    const links = this.all();
    for (let i = 1; i <= links.length; i++) {
      const at = (this.#last + i) % links.length;
      const link = links[at];
      if (link?.client.isConnected === true) {
        this.#last = at;
        return link;
      }
    }
    return null;
  }

  /** Takes a node off; its connection is left to the caller. */
  remove(name: string): Link | null {
    const link = this.#links.get(name) ?? null;
    this.#links.delete(name);
    return link;
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((link) => link.client.close()));
  }
}
