export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[(?<v6>[^\]\s]+)\]|(?<plain>[^\s:[\]]+)):(?<port>\d{1,5})$/u;
const MAX_PORT = 0xffff;

/** Reads `host:port` or `[v6 address]:port`; null for anything else. */
export function parseAddress(text: string): HostPort | null {
  const groups = ADDRESS.exec(text.trim())?.groups;
  const host = groups?.["v6"] ?? groups?.["plain"];
  const port = Number(groups?.["port"]);
  return host === undefined || port < 1 || port > MAX_PORT ? null : { host, port };
}

export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
