import { crc32 } from "@dt/codec";
import type { ClientHistory } from "../check/client-history.ts";
import type { Ledger } from "../check/ledger.ts";
import type { EntryCursor } from "../../node/entry-cursor.ts";
import type { StateMachine } from "../../node/state-machine.ts";

/** Registers that hold the id of their last write. */
export class RegisterGroupMachine implements StateMachine<number> {
  readonly values = new Map<number, number>();
  appliedIndex = 0;
  #digest = 0;
  readonly #nodeId: number;
  readonly #history: ClientHistory;
  readonly #ledger: Ledger;

  constructor(nodeId: number, history: ClientHistory, ledger: Ledger) {
    this.#nodeId = nodeId;
    this.#history = history;
    this.#ledger = ledger;
  }

  applyBatch(entries: EntryCursor, results: number[]): void {
    while (entries.next()) {
      const { buf, start, end, index } = entries;
      const id = buf.readUInt32BE(start);
      const command = { id, client: buf.readUInt16BE(start + 4), key: buf.readUInt16BE(start + 6) };
      this.values.set(command.key, id);
      this.#digest = crc32(buf, start, end, this.#digest);
      this.appliedIndex = index;
      this.#ledger.noteDigest(this.#nodeId, index, this.#digest);
      this.#history.noteApplied(command, index);
      results.push(id);
    }
  }
}
