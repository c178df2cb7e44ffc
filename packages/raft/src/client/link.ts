import { RpcClient } from "@dt/rpc";
import type { ClientOptions } from "@dt/rpc";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type LinkOptions = Omit<ClientOptions, "address">;

/** One node as a client reaches it: the address and the connection that keeps itself up. */
export class Link {
  readonly endpoint: Endpoint;
  readonly client: RpcClient;

  constructor(endpoint: Endpoint, options: LinkOptions) {
    this.endpoint = endpoint;
    this.client = new RpcClient({
      ...options,
      address: { host: endpoint.host, port: endpoint.port },
    });
  }

  get name(): string {
    return endpointName(this.endpoint);
  }
}

export function endpointName(endpoint: Endpoint): string {
  return `${endpoint.host}:${endpoint.port}`;
}
