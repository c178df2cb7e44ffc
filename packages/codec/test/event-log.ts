import type { PbSink } from "../src/pb-sink.ts";

/** Writes down what a parser reports; the parts of a field become one event. */
export class EventLog implements PbSink {
  readonly events: string[] = [];
  onEvent: (event: string) => void = () => undefined;
  onBytes: PbSink["bytes"] = () => undefined;
  #parts = "";

  begin(byteCount: number): void {
    this.#note(`begin ${byteCount}`);
  }

  varNumber(field: number, high: number, low: number): void {
    this.#note(`${field} varint ${high} ${low}`);
  }

  fixed32(field: number, value: number): void {
    this.#note(`${field} fixed32 ${value}`);
  }

  fixed64(field: number, high: number, low: number): void {
    this.#note(`${field} fixed64 ${high} ${low}`);
  }

  bytes(
    field: number,
    byteCount: number,
    offset: number,
    buf: Buffer,
    start: number,
    end: number,
  ): void {
    if (offset === 0) {
      this.#parts = "";
    }
    this.onBytes(field, byteCount, offset, buf, start, end);
    this.#parts += buf.toString("hex", start, end);
    if (this.#parts.length / 2 !== offset + end - start) {
      throw new Error(`a part of field ${field} is missing before ${offset}`);
    }
    if (offset + end - start === byteCount) {
      this.#note(`${field} bytes ${this.#parts}`);
    }
  }

  end(isComplete: boolean): void {
    this.#note(`end ${isComplete}`);
  }

  #note(event: string): void {
    this.events.push(event);
    this.onEvent(event);
  }
}
