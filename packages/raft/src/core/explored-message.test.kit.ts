import { describeBatch } from "./explored-disk.test.kit.ts";
import { type Message, MessageKind } from "./message.ts";

export function isReply({ kind }: Message): boolean {
  return (
    kind === MessageKind.voteReply ||
    kind === MessageKind.appendReply ||
    kind === MessageKind.heartbeatReply
  );
}

export function describeMessage(message: Message): string {
  if (message.kind !== MessageKind.append) {
    return JSON.stringify(message);
  }
  return JSON.stringify({ ...message, batches: message.batches.map(describeBatch) });
}
