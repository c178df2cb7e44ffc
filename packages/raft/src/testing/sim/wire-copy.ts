import { MessageKind, type Append, type Message } from "../../core/message.ts";
import { scanRecords } from "../../entry/entry-batch.ts";
import { ensure } from "./sim-failure.ts";

/**
 * The message as its receiver would decode it: nothing of the sender's objects is shared, and
 * batches are found again by scanning the bytes of their records.
 */
export function wireCopy(message: Message): Message {
  return message.kind === MessageKind.append ? copyAppend(message) : { ...message };
}

function copyAppend(message: Append): Append {
  const [first] = message.batches;
  if (first === undefined) {
    return { ...message, batches: [] };
  }
  const bytes = Buffer.concat(message.batches.map((batch) => batch.bytes));
  const { prevIndex, prevTerm } = message;
  const run = scanRecords(bytes, 0, bytes.length, prevIndex, prevTerm, first.prevChain);
  ensure(
    run.fault === null,
    "wire",
    () =>
      `append ${message.from}>${message.to} after ${prevTerm}:${prevIndex} carries records that ` +
      `do not follow: ${JSON.stringify(run.fault)}`,
  );
  return { ...message, batches: run.batches };
}
