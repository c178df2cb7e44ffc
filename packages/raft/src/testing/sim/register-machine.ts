import { crc32 } from "@dt/codec";
import type { EntryBatch } from "../../entry/entry-batch.ts";
import {
  EntryType,
  RECORD_HEADER_BYTES,
  recordLength,
  recordTerm,
  recordType,
  storedBytes,
} from "../../entry/record.ts";
import { ensure } from "./sim-failure.ts";

/** One write of one register; `id` is unique in the run and is the value written. */
export interface RegisterCommand {
  readonly id: number;
  readonly client: number;
  readonly key: number;
}

export const COMMAND_BYTES = 8;

/** The command as a payload of at least `COMMAND_BYTES`. */
export function encodeCommand(command: RegisterCommand, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(Math.max(COMMAND_BYTES, payloadBytes), command.id & 0xff);
  bytes.writeUInt32BE(command.id, 0);
  bytes.writeUInt16BE(command.client, 4);
  bytes.writeUInt16BE(command.key, 6);
  return bytes;
}

/** Who is told about every applied entry; `command` is null for an entry that is not a write. */
export interface ApplyListener {
  onApplied(index: number, term: number, command: RegisterCommand | null, digest: number): void;
}

/** Registers, each holding the id of the last write, and a digest of everything applied so far. */
export class RegisterMachine {
  readonly #values = new Map<number, number>();
  #appliedIndex = 0;
  #digest = 0;

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Equal on two nodes that applied the same entries in the same order. */
  get digest(): number {
    return this.#digest;
  }

  /** Id of the last write to `key`; 0 when there was none. */
  read(key: number): number {
    return this.#values.get(key) ?? 0;
  }

  /** Applies every entry of the batch, which must follow what was applied before. */
  apply(batch: EntryBatch, listener: ApplyListener | null): void {
    ensure(
      batch.firstIndex === this.#appliedIndex + 1,
      "I7",
      () => `entry ${batch.firstIndex} is applied after ${this.#appliedIndex}`,
    );
    const { bytes } = batch;
    for (let at = 0; at < bytes.length; at += storedBytes(recordLength(bytes, at))) {
      this.#applyRecord(bytes, at, listener);
    }
  }

  #applyRecord(bytes: Buffer, at: number, listener: ApplyListener | null): void {
    const end = at + recordLength(bytes, at);
    const term = recordTerm(bytes, at);
    this.#appliedIndex++;
    this.#digest = (crc32(bytes, at + RECORD_HEADER_BYTES, end, this.#digest) + term) >>> 0;
    let command: RegisterCommand | null = null;
    if (recordType(bytes, at) === EntryType.normal) {
      const payload = at + RECORD_HEADER_BYTES;
      command = {
        id: bytes.readUInt32BE(payload),
        client: bytes.readUInt16BE(payload + 4),
        key: bytes.readUInt16BE(payload + 6),
      };
      this.#values.set(command.key, command.id);
    }
    listener?.onApplied(this.#appliedIndex, term, command, this.#digest);
  }
}
