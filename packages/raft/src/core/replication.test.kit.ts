import { ranges } from "./entries.test.kit.ts";
import { type CoreSetup, HandDriven, ofKind, sentTo } from "./hand-driven.test.kit.ts";
import { type Append, MessageKind, type NodeId } from "./message.ts";
import { accepted } from "./messages.test.kit.ts";
import type { Output } from "./output.ts";
import type { ProgressView } from "./progress.ts";

/** A leader whose follower 2 has accepted everything up to its no-op and is fed at full rate. */
export function leaderOfTwo(setup: CoreSetup = {}): HandDriven {
  const node = new HandDriven(setup);
  node.win();
  node.persistAll();
  node.receive(accepted(node.core.term, node.core.lastIndex));
  return node;
}

export function appends(output: Output, to: NodeId = 2): Append[] {
  return ofKind(sentTo(output.messages, to), MessageKind.append);
}

/** What each append to follower 2 carries. */
export function sentRanges(output: Output): (readonly [number, number][] | null)[] {
  return appends(output).map((append) => ranges(append.batches));
}

export function progressOf(node: HandDriven, id: NodeId): ProgressView {
  const progress = node.core.progress().find((view) => view.id === id);
  if (progress === undefined) {
    throw new Error("only a leader knows progress");
  }
  return progress;
}
