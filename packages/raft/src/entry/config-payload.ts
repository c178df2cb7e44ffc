import { decodeMessage, encodeMessage, ByteWriter } from "@dt/codec";
import { ConfigPayload as Wire } from "../gen/raft.ts";

/** A member of a group and where clients and other members reach it. */
export interface Member {
  /** 1 to 2^32-1. */
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** What the `bizType` of a CONFIG record says. */
export const ConfigKind = {
  /** Begins a change: the old and the new members decide together. */
  prepare: 1,
  /** Ends a change: the new members are the members. */
  commit: 2,
  /** Ends a change: the old members stay. */
  abort: 3,
} as const;
export type ConfigKind = (typeof ConfigKind)[keyof typeof ConfigKind];

/** The payload of a CONFIG entry: the whole configuration that is active from its entry on. */
export interface ConfigPayload {
  /** Every member once, with its address. */
  readonly members: readonly Member[];
  readonly voters: readonly number[];
  readonly observers: readonly number[];
  /** Empty unless the configuration is joint: then commits and votes take a majority of both. */
  readonly nextVoters: readonly number[];
  readonly nextObservers: readonly number[];
  /** Index of the joint configuration that this one ends; 0 for a joint one. */
  readonly prepareIndex: number;
  /** Joint: a leader ends it by itself as soon as it is committed. */
  readonly leavesByItself: boolean;
  /** Ids of members of the past. An id never comes back, because its disk may not be what it was. */
  readonly removed: readonly number[];
  /** Ends a joint configuration by going back to its old members. */
  readonly isAbort: boolean;
}

export function encodeConfigPayload(config: ConfigPayload): Buffer {
  const writer = new ByteWriter(64 + config.members.length * 32);
  encodeMessage(writer, Wire, {
    members: config.members.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
    voters: [...config.voters],
    observers: [...config.observers],
    nextVoters: [...config.nextVoters],
    nextObservers: [...config.nextObservers],
    prepareIndex: config.prepareIndex,
    leavesByItself: config.leavesByItself,
    removed: [...config.removed],
    isAbort: config.isAbort,
  });
  return Buffer.from(writer.buf.subarray(0, writer.pos));
}

/** Throws a `CodecError` for bytes that are no payload. */
export function decodeConfigPayload(payload: Buffer): ConfigPayload {
  return decodeMessage(Wire, payload, 0, payload.length);
}
