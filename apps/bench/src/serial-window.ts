/** Remembers which of the latest serial numbers were seen: a bit for each, in a ring. */
export class SerialWindow {
  readonly #size: number;
  readonly #bits: Uint8Array;
  /** Serials below it are forgotten. */
  #first = 0;

  /** `size` is a multiple of 8. */
  constructor(size: number) {
    this.#size = size;
    this.#bits = new Uint8Array(size / 8);
  }

  /** Returns false when it was seen before. */
  add(serial: number): boolean {
    while (serial >= this.#first + this.#size) {
      this.#bits[(this.#first % this.#size) >>> 3] = 0;
      this.#first += 8;
    }
    const wasSeen = this.has(serial);
    const place = serial % this.#size;
    const at = place >>> 3;
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (place & 7));
    return !wasSeen;
  }

  /** Whether it was seen; true for one that is too old to know, which nobody should ask for. */
  has(serial: number): boolean {
    if (serial < this.#first) {
      return true;
    }
    const place = serial % this.#size;
    return (
      serial < this.#first + this.#size && ((this.#bits[place >>> 3] ?? 0) >> (place & 7)) % 2 === 1
    );
  }
}
