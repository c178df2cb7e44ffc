import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import type { RawPeer } from "./raw-peer.ts";

const PROTOCOL = await readFile(new URL("../../../PROTOCOL.md", import.meta.url), "utf8");

export interface Frame {
  /** ">" to the server, "<" from it. */
  readonly direction: string;
  readonly hex: string;
  /** What the page says it is. */
  readonly title: string;
}

/** The frames of the conversation below a heading. */
export function conversation(heading: string): Frame[] {
  const section = PROTOCOL.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const block = /```text\n([\s\S]*?)```/.exec(section.split("Vectors:")[1] ?? "")?.[1] ?? "";
  const frames: Frame[] = [];
  for (const line of block.split("\n")) {
    const [, direction, title] = /^([<>]) +(.*)$/.exec(line) ?? [];
    const last = frames.at(-1);
    if (direction !== undefined && title !== undefined) {
      frames.push({ direction, title, hex: "" });
    } else if (last !== undefined && line.trim() !== "") {
      const hex = last.hex + line.replaceAll(" ", "");
      frames.splice(-1, 1, { ...last, hex });
    }
  }
  return frames;
}

/** Plays a conversation as the side that sends ">", and compares every frame that comes back. */
export async function play(peer: RawPeer, frames: readonly Frame[]): Promise<void> {
  for (const { direction, hex, title } of frames) {
    if (direction === ">") {
      peer.send(hex);
    } else {
      expect([title, await peer.frame()]).toEqual([title, hex]);
    }
  }
}

/** The same as the side that sends "<". */
export async function playServer(peer: RawPeer, frames: readonly Frame[]): Promise<void> {
  for (const { direction, hex, title } of frames) {
    if (direction === "<") {
      peer.send(hex);
    } else {
      expect([title, await peer.frame()]).toEqual([title, hex]);
    }
  }
}
