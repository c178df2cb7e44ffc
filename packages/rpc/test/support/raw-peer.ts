import { connect, createServer } from "node:net";
import { FrameDecoder } from "@dt/codec";
import { onTestFinished } from "vitest";
import { encodeAcceptance, encodeOffer } from "../../src/handshake-frame.ts";
import { until } from "./until.ts";
import type { FrameSink } from "@dt/codec";
import type { AddressInfo, Socket } from "node:net";
import type { Address, Identity, PeerLimits } from "../../src/index.ts";

export const RAW_IDENTITY: Identity = {
  processId: "ffffffffffffffffffffffffffffffff",
  nodeId: 0,
  clusterId: "",
  role: "raw",
  capabilities: ["groups"],
};

/** A peer that knows no group ids: all its frames have the short header. */
export const SHORT_HEADER_IDENTITY: Identity = { ...RAW_IDENTITY, capabilities: [] };

export const RAW_LIMITS: PeerLimits = {
  maxFrameBytes: 16 * 1024 * 1024,
  maxInFlightRequests: 1000,
  maxInFlightBytes: 64 * 1024 * 1024,
};

/**
 * A peer that is written by hand: it sends the bytes it is told to and cuts what it gets into
 * frames.
 */
export class RawPeer implements FrameSink {
  readonly socket: Socket;
  isClosed = false;
  readonly #frames: Buffer[] = [];
  readonly #decoder = new FrameDecoder({ maxFrameBytes: 2 ** 30, minFrameBytes: 0 }, this);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#decoder.push(chunk);
    });
    socket.on("error", () => {
      this.isClosed = true;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    onTestFinished(() => {
      socket.destroy();
    });
  }

  onFrame(buf: Buffer, start: number, end: number): void {
    this.#frames.push(Buffer.from(buf.subarray(start, end)));
  }

  send(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next frame with its length field, as hexadecimal digits. */
  async frame(): Promise<string> {
    await until(() => this.#frames.length > 0 || this.isClosed, "a frame for the raw peer");
    const frame = this.#frames.shift();
    if (frame === undefined) {
      throw new Error("the connection was closed before a frame arrived");
    }
    return frame.length.toString(16).padStart(8, "0") + frame.toString("hex");
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, "the end of the raw peer's connection");
  }
}

/** Connects to a server without a handshake. */
export async function rawConnect(address: Address): Promise<RawPeer> {
  const socket = connect({ ...address });
  const peer = new RawPeer(socket);
  await until(() => socket.readyState === "open", "the raw peer's connection");
  return peer;
}

/** Connects to a server and gets through the handshake. */
export async function rawClient(
  address: Address,
  limits = RAW_LIMITS,
  identity = RAW_IDENTITY,
): Promise<RawPeer> {
  const peer = await rawConnect(address);
  peer.sendBytes(encodeOffer(identity, limits));
  await peer.frame();
  return peer;
}

/** A listening socket that speaks no protocol; `peers` are those that connected. */
export async function rawServer(): Promise<{ address: Address; peers: RawPeer[] }> {
  const peers: RawPeer[] = [];
  const server = createServer((socket) => {
    peers.push(new RawPeer(socket));
  });
  onTestFinished(() => {
    server.close();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { address: { host: "127.0.0.1", port }, peers };
}

/** Waits for the next connection of a raw server and answers its handshake. */
export async function rawAccept(
  peers: RawPeer[],
  limits = RAW_LIMITS,
  identity = RAW_IDENTITY,
): Promise<RawPeer> {
  await until(() => peers.length > 0, "a connection to the raw server");
  const peer = peers.shift();
  if (peer === undefined) {
    throw new Error("no peer");
  }
  await peer.frame();
  peer.sendBytes(encodeAcceptance(1, identity, limits));
  return peer;
}
