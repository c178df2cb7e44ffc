import type { Decode, Encode } from "@dt/rpc";
import { decodeBatchGetReply, encodeBatchGet } from "../command/batch-get.ts";
import type { BatchGetResult } from "../command/batch-get.ts";
import { decodeBatchPutReply, encodeBatchPut } from "../command/batch-put.ts";
import type { BatchPutResult } from "../command/batch-put.ts";
import { decodeCasReply, encodeCas } from "../command/cas.ts";
import type { CasExpectation, CasResult } from "../command/cas.ts";
import { encodeDelete } from "../command/delete.ts";
import { decodeGetReply, decodeStaleGetReply, encodeGet } from "../command/get.ts";
import type { StaleNode } from "../command/get.ts";
import type { ValueInput } from "../command/key-field.ts";
import { decodeCountReply, decodeKeysReply, decodeListReply, encodeList } from "../command/list.ts";
import type { CountAnswer, KvEntry, KvKey, KvPage, ListRequest } from "../command/list.ts";
import { encodeMkdir } from "../command/mkdir.ts";
import type { KvNode } from "../command/node-record.ts";
import { FLAG_FRESHNESS, FLAG_REPLICA, FLAG_STALE, KvCommand } from "../command/numbers.ts";
import { decodeRevision, encodePut } from "../command/put.ts";
import type { PutRequest } from "../command/put.ts";
import { KvError } from "../errors.ts";
import type { ChannelCallOptions, KvChannel } from "./channel.ts";
import {
  badExpectation,
  badKey,
  badKeys,
  badLimit,
  badPuts,
  badValue,
  toKvError,
} from "./client-check.ts";

export interface KvClientOptions {
  /** The raft group that holds the tree. */
  readonly groupId: number;
  /** Milliseconds that a call may take, retries included. Default: what the channel has. */
  readonly timeoutMs?: number;
  /**
   * Make every write in a session: it is carried out once and answered with its first result, so a lost answer is
   * repeated until the deadline instead of reported. Default false.
   */
  readonly session?: boolean;
}

export interface ReadOptions {
  /**
   * Answer from what the asked replica has applied, without asking whether that is the latest. Default false: a
   * read reflects every write that was acknowledged before it began.
   */
  readonly stale?: boolean;
  /**
   * Let any replica answer, followers and observers too: one that does not lead asks the leader up to where it has to
   * apply first. The answer is as fresh as the leader's. Default false: the leader answers.
   */
  readonly replica?: boolean;
}

export interface ListOptions extends ReadOptions {
  /** Everything below the directory, each directory before what is in it. Default false: its children. */
  readonly recursive?: boolean;
  /** Continue behind this key, usually the last one of the page before. It need not exist any more. */
  readonly startAfter?: string;
  /** Entries on the page, at most. Default, and largest: what the server gives at once, 1000. */
  readonly limit?: number;
}

export type CountOptions = Pick<ListOptions, "recursive" | "stale" | "replica">;

export interface DeleteOptions {
  /** Delete a directory with everything in it. Default false: a directory that is not empty is refused. */
  readonly recursive?: boolean;
}

/**
 * A tree of keys held by a raft group. Keys are `/`-separated text; a leading slash is ignored and "" is the root.
 *
 * Every call rejects with a `KvError` when the store refuses it, and otherwise with an error of the channel
 * (`RaftError`, `RpcError`), whose `mayHaveExecuted` tells whether a write may have been carried out. Reads are
 * repeated until the deadline; writes only when they certainly were not carried out.
 */
export class KvClient {
  readonly #channel: KvChannel;
  readonly #groupId: number;
  readonly #write: ChannelCallOptions;
  readonly #read: ChannelCallOptions;
  readonly #readAnywhere: ChannelCallOptions;

  constructor(channel: KvChannel, options: KvClientOptions) {
    const { groupId, timeoutMs, session = false } = options;
    const timeout = timeoutMs === undefined ? {} : { timeoutMs };
    this.#channel = channel;
    this.#groupId = groupId;
    this.#write = { ...timeout, idempotent: false, session, toError: toKvError };
    this.#read = { ...timeout, idempotent: true, toError: toKvError };
    this.#readAnywhere = { ...this.#read, anyMember: true };
  }

  /** Stores a value, creating the directories above it. Resolves with the revision of the write. */
  put(key: string, value: ValueInput): Promise<number> {
    return this.#call(
      badKey(key) ?? badValue(value),
      KvCommand.put,
      encodePut,
      { key, value },
      decodeRevision,
      this.#write,
    );
  }

  /** Null when nothing is there. */
  get(key: string, options?: ReadOptions): Promise<KvNode | null> {
    return this.#call(
      badKey(key),
      KvCommand.get,
      encodeGet,
      { key, flags: flagsOf(options) },
      decodeGetReply,
      this.#optionsOf(options),
    );
  }

  /** What the next replica has applied, with how far and how old that is. */
  getStale(key: string): Promise<StaleNode> {
    return this.#call(
      badKey(key),
      KvCommand.get,
      encodeGet,
      { key, flags: FLAG_STALE | FLAG_FRESHNESS },
      decodeStaleGetReply,
      this.#readAnywhere,
    );
  }

  /** Resolves with the revision of the write, 0 when nothing was there. */
  delete(key: string, options?: DeleteOptions): Promise<number> {
    const isRecursive = options?.recursive === true;
    return this.#call(
      badKey(key),
      KvCommand.delete,
      encodeDelete,
      { key, isRecursive },
      decodeRevision,
      this.#write,
    );
  }

  /** Creates a directory and those above it. Resolves with the revision of the write, 0 when it was there. */
  mkdir(key: string): Promise<number> {
    return this.#call(badKey(key), KvCommand.mkdir, encodeMkdir, key, decodeRevision, this.#write);
  }

  /** Stores a value if the key holds what is expected. That it holds something else is not an error. */
  cas(key: string, expected: CasExpectation, value: ValueInput): Promise<CasResult> {
    return this.#call(
      badKey(key) ?? badExpectation(expected) ?? badValue(value),
      KvCommand.cas,
      encodeCas,
      { key, expected, value },
      decodeCasReply,
      this.#write,
    );
  }

  /**
   * Stores many values with one log entry, in the order given, each on its own: one that is refused does not keep
   * the others from being stored. At most 1024 values and 2 MiB.
   */
  batchPut(puts: readonly PutRequest[]): Promise<readonly BatchPutResult[]> {
    return this.#call(
      badPuts(puts),
      KvCommand.batchPut,
      encodeBatchPut,
      puts,
      decodeBatchPutReply,
      this.#write,
    );
  }

  /**
   * Reads many keys, at most 1024. Values of more than about 1 MiB together take further reads, which may see
   * later writes.
   */
  async batchGet(
    keys: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly BatchGetResult[]> {
    const results: BatchGetResult[] = [];
    while (results.length < keys.length) {
      const request = { keys: keys.slice(results.length), flags: flagsOf(options) };
      const reply = await this.#call(
        badKeys(request.keys),
        KvCommand.batchGet,
        encodeBatchGet,
        request,
        decodeBatchGetReply,
        this.#optionsOf(options),
      );
      const { length } = reply.results;
      if (length === 0 || length > request.keys.length) {
        throw new KvError({ code: "DT_KV_BAD_REPLY" });
      }
      results.push(...reply.results);
    }
    return results;
  }

  /** One page of what is in a directory; an empty one for a directory that is not there. */
  list(directory: string, options?: ListOptions): Promise<KvPage<KvEntry>> {
    return this.#list(listRequest(directory, options, false, false), decodeListReply);
  }

  /** As `list`, without what the nodes hold. */
  listKeys(directory: string, options?: ListOptions): Promise<KvPage<KvKey>> {
    return this.#list(listRequest(directory, options, true, false), decodeKeysReply);
  }

  /** How many nodes a directory holds; with `recursive` all below it, which the server has to walk. */
  count(directory: string, options?: CountOptions): Promise<CountAnswer> {
    return this.#list(listRequest(directory, options, false, true), decodeCountReply);
  }

  #list<T>(request: ListRequest, decode: Decode<T>): Promise<T> {
    return this.#call(
      badKey(request.directory) ?? badKey(request.startAfter) ?? badLimit(request.limit),
      KvCommand.list,
      encodeList,
      request,
      decode,
      (request.flags & (FLAG_STALE | FLAG_REPLICA)) === 0 ? this.#read : this.#readAnywhere,
    );
  }

  #optionsOf(options: ReadOptions | undefined): ChannelCallOptions {
    return options?.stale === true || options?.replica === true ? this.#readAnywhere : this.#read;
  }

  #call<A, T>(
    refusal: KvError | null,
    command: number,
    encode: Encode<A>,
    argument: A,
    decode: Decode<T>,
    options: ChannelCallOptions,
  ): Promise<T> {
    return refusal === null
      ? this.#channel.call(command, this.#groupId, encode, argument, decode, options)
      : Promise.reject(refusal);
  }
}

function flagsOf(options: ReadOptions | undefined): number {
  return (
    (options?.stale === true ? FLAG_STALE : 0) | (options?.replica === true ? FLAG_REPLICA : 0)
  );
}

function listRequest(
  directory: string,
  options: ListOptions | undefined,
  isKeysOnly: boolean,
  isCountOnly: boolean,
): ListRequest {
  return {
    directory,
    startAfter: options?.startAfter ?? "",
    limit: options?.limit ?? 0,
    isRecursive: options?.recursive === true,
    flags: flagsOf(options),
    isKeysOnly,
    isCountOnly,
  };
}
