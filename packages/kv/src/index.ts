// For users: the client, and the store for a server.
export { KvClient } from "./client/kv-client.ts";
export type {
  CountOptions,
  DeleteOptions,
  KvClientOptions,
  ListOptions,
  ReadOptions,
} from "./client/kv-client.ts";
export type { ChannelCallOptions, KvChannel } from "./client/channel.ts";
export type { KvDirectory, KvNode, KvValue } from "./command/node-record.ts";
export type { ValueInput } from "./command/key-field.ts";
export type { PutRequest } from "./command/put.ts";
export type { CasExpectation, CasResult } from "./command/cas.ts";
export type { BatchPutResult } from "./command/batch-put.ts";
export type { BatchGetResult } from "./command/batch-get.ts";
export type { CountAnswer, KvEntry, KvKey, KvPage } from "./command/list.ts";
export { KvError } from "./errors.ts";
export type { KvFault } from "./errors.ts";
export type { RefusalCode } from "./refusal.ts";
export { KvStateMachine } from "./state-machine.ts";
export type { KvResult } from "./state-machine.ts";
export { addKvCommands } from "./server/kv-commands.ts";
export type { GroupHandle } from "./server/group-handle.ts";
export { DEFAULT_KV_SERVER_OPTIONS } from "./server/options.ts";
export type { KvServerOptions, ResolvedKvServerOptions } from "./server/options.ts";
export { MAX_KEY_BYTES } from "./store/byte-key.ts";
export { MAX_VALUE_BYTES } from "./store/record.ts";
export { MAX_NODES } from "./store/tree.ts";
export { MAX_BATCH_BYTES, MAX_BATCH_KEYS } from "./command/batch-put.ts";

// For programs that speak the wire format themselves, such as benchmarks and log dumps.
export { EntryKind, KvCommand } from "./command/numbers.ts";
export { decodeRevision, encodePut } from "./command/put.ts";
export { decodeGetReply, encodeGet } from "./command/get.ts";
export type { GetRequest } from "./command/get.ts";
