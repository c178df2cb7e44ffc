// Hot path: per request. Bench: bench/handlers.bench.ts. No closures, no promises.
import type { ReadWaiter } from "@dt/raft";
import type { CommandTable, Handler, IncomingRequest } from "@dt/rpc";
import { checkBatchGet, forEachBatchKey } from "../command/batch-get.ts";
import { BatchPutWalk } from "../command/batch-put.ts";
import { checkCas } from "../command/cas.ts";
import { checkDelete } from "../command/delete.ts";
import { encodeFreshGetReply, encodeGetReply, GET_FLAGS_BYTES } from "../command/get.ts";
import { readList } from "../command/list.ts";
import { checkMkdir } from "../command/mkdir.ts";
import {
  EntryKind,
  FLAG_FRESHNESS,
  FLAG_REPLICA,
  FLAG_STALE,
  KvCommand,
} from "../command/numbers.ts";
import { checkPut } from "../command/put.ts";
import { Refusal } from "../refusal.ts";
import type { KvStateMachine } from "../state-machine.ts";
import { checkKey, keyStart, readKey } from "../store/byte-key.ts";
import type { ByteKey } from "../store/byte-key.ts";
import type { Tree } from "../store/tree.ts";
import type { GroupHandle } from "./group-handle.ts";
import { resolveKvServerOptions } from "./options.ts";
import type { KvServerOptions } from "./options.ts";
import { WriteProposal } from "./proposals.ts";
import { WaitingBatchGet, WaitingGet, WaitingList } from "./reads.ts";
import { refuse } from "./refuse.ts";

type Check = (body: Buffer, start: number, end: number) => Refusal | 0;

/**
 * Adds the commands of the store to the table of a group whose state machine is `stateMachine`. Throws
 * DT_KV_OPTIONS for wrong options.
 */
export function addKvCommands(
  table: CommandTable,
  group: GroupHandle,
  stateMachine: KvStateMachine,
  options?: KvServerOptions,
): void {
  const { tree } = stateMachine;
  const resolved = resolveKvServerOptions(options);
  table
    .on(KvCommand.put, writeHandler(group, EntryKind.put, checkPut))
    .on(KvCommand.delete, writeHandler(group, EntryKind.delete, checkDelete))
    .on(KvCommand.cas, writeHandler(group, EntryKind.cas, checkCas))
    .on(KvCommand.batchPut, writeHandler(group, EntryKind.batchPut, checkBatchPut))
    .on(KvCommand.mkdir, writeHandler(group, EntryKind.mkdir, checkMkdir))
    .on(KvCommand.get, (request, body, start, end) => get(group, tree, request, body, start, end))
    .on(KvCommand.batchGet, (request, body, start, end) => {
      const refusal = checkBatchGet(body, start, end);
      if (refusal !== 0) {
        refuse(request, refusal);
        return;
      }
      const keys = readBatchKeys(body, start);
      serve(group, body[start] as number, new WaitingBatchGet(request, tree, keys, resolved));
    })
    .on(KvCommand.list, (request, body, start, end) => {
      const fields = readList(body, start, end);
      if (typeof fields === "number") {
        refuse(request, fields);
        return;
      }
      serve(group, body[start] as number, new WaitingList(request, tree, fields, resolved));
    });
}

/** The body is the payload of the entry: it is checked and handed on as it is. */
function writeHandler(group: GroupHandle, entryKind: number, check: Check): Handler {
  return (request: IncomingRequest, body: Buffer, start: number, end: number) => {
    const refusal = check(body, start, end);
    if (refusal === 0) {
      group.propose(entryKind, body, start, end, new WriteProposal(request));
    } else {
      refuse(request, refusal);
    }
  };
}

function get(
  group: GroupHandle,
  tree: Tree,
  request: IncomingRequest,
  body: Buffer,
  start: number,
  end: number,
): void {
  if (start === end) {
    refuse(request, Refusal.requestMalformed);
    return;
  }
  const keyFrom = keyStart(body, start + GET_FLAGS_BYTES, end);
  const node = tree.findAt(body, keyFrom, end);
  // A key that is there has been checked when it was created.
  const refusal = node === null ? checkKey(body, keyFrom, end) : 0;
  if (refusal !== 0) {
    refuse(request, refusal);
  } else if (hasFlag(body[start] as number, FLAG_FRESHNESS)) {
    request.reply(encodeFreshGetReply, { node, freshness: group.freshness() });
  } else if (group.canReadNow() || hasFlag(body[start] as number, FLAG_STALE)) {
    request.reply(encodeGetReply, node);
  } else {
    const waiter = new WaitingGet(request, tree, readKey(body, keyFrom, end));
    group.read(waiter, hasFlag(body[start] as number, FLAG_REPLICA));
  }
}

function serve(group: GroupHandle, flags: number, waiter: ReadWaiter): void {
  if (hasFlag(flags, FLAG_STALE) || group.canReadNow()) {
    waiter.ready();
  } else {
    group.read(waiter, hasFlag(flags, FLAG_REPLICA));
  }
}

function hasFlag(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

function checkBatchPut(body: Buffer, start: number, end: number): Refusal | 0 {
  return new BatchPutWalk(body, start, end).check();
}

function readBatchKeys(body: Buffer, start: number): (ByteKey | Refusal)[] {
  const keys: (ByteKey | Refusal)[] = [];
  forEachBatchKey(body, start, (fieldStart, keyEnd) => {
    const keyFrom = keyStart(body, fieldStart, keyEnd);
    const refusal = checkKey(body, keyFrom, keyEnd);
    keys.push(refusal === 0 ? readKey(body, keyFrom, keyEnd) : refusal);
  });
  return keys;
}
