import type { SeededRandom } from "./seeded-random.ts";

/** The bytes of one direction of a valid conversation, frame by frame, with their lengths. */
export type Frames = readonly Buffer[];

/** A conversation that was valid before something was done to it. */
export interface Mutation {
  /** What was done, to find it again. */
  readonly name: string;
  readonly bytes: Buffer;
  /** Frames at the beginning that are as they were. */
  readonly soundFrames: number;
}

/** Values that lengths and counts go wrong at. */
const EDGE_VALUES: readonly number[] = [
  0, 1, 11, 12, 15, 16, 255, 256, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x00ff_ffff, 0x7fff_ffff,
  0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];

function soundFrames(frames: Frames, firstChangedAt: number): number {
  let end = 0;
  let count = 0;
  for (const frame of frames) {
    end += frame.length;
    if (end > firstChangedAt) {
      break;
    }
    count++;
  }
  return count;
}

/** Every byte changed, all its bits and one of them, and every length that is not the whole one. */
export function* everyByteAndLength(frames: Frames, random: SeededRandom): Generator<Mutation> {
  const whole = Buffer.concat(frames);
  for (let at = 0; at < whole.length; at++) {
    for (const mask of [0xff, 1 << random.below(8)]) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at);
      const name = `byte ${at} ^ ${mask}`;
      yield { name, bytes, soundFrames: soundFrames(frames, at) };
    }
    const bytes = whole.subarray(0, at);
    yield { name: `cut at ${at}`, bytes, soundFrames: soundFrames(frames, at) };
  }
}

/** A mutation that the seed decides: one to three changes, one after the other. */
export function randomMutation(frames: Frames, random: SeededRandom): Mutation {
  let bytes: Buffer = Buffer.concat(frames);
  let firstChangedAt = bytes.length;
  const names: string[] = [];
  for (let left = 1 + random.below(3); left > 0; left--) {
    const change = random.pick(CHANGES);
    const at = random.below(bytes.length + 1);
    bytes = change(bytes, at, frames, random);
    firstChangedAt = Math.min(firstChangedAt, at);
    names.push(`${change.name} at ${at}`);
  }
  return { name: names.join(", "), bytes, soundFrames: soundFrames(frames, firstChangedAt) };
}

type Change = (bytes: Buffer, at: number, frames: Frames, random: SeededRandom) => Buffer;

const CHANGES: readonly Change[] = [
  flipBits,
  setEdgeValue,
  insertBytes,
  removeBytes,
  repeatBytes,
  insertFrame,
  cutOff,
];

function flipBits(bytes: Buffer, at: number, _frames: Frames, random: SeededRandom): Buffer {
  const changed = Buffer.from(bytes);
  const end = Math.min(changed.length, at + 1 + random.below(4));
  for (let pos = at; pos < end; pos++) {
    changed.writeUInt8(changed.readUInt8(pos) ^ (1 + random.below(255)), pos);
  }
  return changed;
}

function setEdgeValue(bytes: Buffer, at: number, _frames: Frames, random: SeededRandom): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(random.pick(EDGE_VALUES));
  const width = random.pick([1, 2, 4]);
  return Buffer.concat([
    bytes.subarray(0, at),
    value.subarray(4 - width),
    bytes.subarray(at + width),
  ]);
}

function insertBytes(bytes: Buffer, at: number, _frames: Frames, random: SeededRandom): Buffer {
  return Buffer.concat([
    bytes.subarray(0, at),
    random.bytes(1 + random.below(40)),
    bytes.subarray(at),
  ]);
}

function removeBytes(bytes: Buffer, at: number, _frames: Frames, random: SeededRandom): Buffer {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(40))]);
}

function repeatBytes(bytes: Buffer, at: number, _frames: Frames, random: SeededRandom): Buffer {
  const end = Math.min(bytes.length, at + 1 + random.below(200));
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
}

function insertFrame(bytes: Buffer, at: number, frames: Frames, random: SeededRandom): Buffer {
  return Buffer.concat([bytes.subarray(0, at), random.pick(frames), bytes.subarray(at)]);
}

function cutOff(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(0, at);
}
