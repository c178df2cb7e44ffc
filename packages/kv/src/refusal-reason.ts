import { MAX_BATCH_BYTES, MAX_BATCH_KEYS } from "./command/batch-put.ts";
import { Refusal } from "./refusal.ts";
import { MAX_KEY_BYTES } from "./store/byte-key.ts";
import { MAX_NODES } from "./store/tree.ts";
import { MAX_VALUE_BYTES } from "./store/record.ts";

const REASONS: Readonly<Record<Refusal, string>> = {
  [Refusal.keyEmptySegment]: "the key has an empty segment; a slash only separates names",
  [Refusal.keyTooLong]: `the key is longer than ${MAX_KEY_BYTES} bytes`,
  [Refusal.keyNotUtf8]: "the key is not well-formed UTF-8",
  [Refusal.valueTooLarge]: `the value is larger than ${MAX_VALUE_BYTES} bytes`,
  [Refusal.requestMalformed]: "the request is not laid out as its command says",
  [Refusal.batchTooLarge]: `a batch is at most ${MAX_BATCH_KEYS} keys and ${MAX_BATCH_BYTES} bytes`,
  [Refusal.unknownCommand]: "this node does not know the command; it may be older than the client",
  [Refusal.isDirectory]: "the key is a directory, which has no value",
  [Refusal.notDirectory]: "the key is a value, not a directory",
  [Refusal.parentIsValue]: "a part of the path is a value, so nothing can be below it",
  [Refusal.notEmpty]: "the directory is not empty; delete it recursively to remove what is in it",
  [Refusal.isRoot]: "the root cannot be deleted",
  [Refusal.storeFull]: `the store holds at most ${MAX_NODES} nodes`,
};

/** What a refusal says to people. */
export function refusalReason(refusal: Refusal): string {
  return REASONS[refusal];
}
