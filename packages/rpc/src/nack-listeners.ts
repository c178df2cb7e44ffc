import { readNack } from "./control-frames.ts";
import type { Status } from "./status.ts";

/** A one-way of this side reached no handler. */
export type NackListener = (groupId: number, status: Status, command: number) => void;

/** Those who hear of the nacks that arrive on one connection. */
export class NackListeners {
  readonly #listeners: NackListener[] = [];

  add(listener: NackListener): void {
    this.#listeners.push(listener);
  }

  /** The peer has sent the nack in body[start, end); one that cannot be read is ignored. */
  onNack(body: Buffer, start: number, end: number): void {
    const nack = readNack(body, start, end);
    if (nack !== null) {
      for (const listener of this.#listeners) {
        listener(nack.groupId, nack.status, nack.command);
      }
    }
  }
}
