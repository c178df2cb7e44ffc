import { CodecError } from "./errors.ts";

/** Collects every problem of an options object, so that one error tells them all. */
export class OptionCheck {
  readonly #owner: string;
  readonly #problems: string[] = [];

  constructor(owner: string, input: object, known: readonly string[]) {
    this.#owner = owner;
    for (const key of Object.keys(input)) {
      if (!known.includes(key)) {
        this.problem(`${key} is not an option (known: ${known.join(", ")})`);
      }
    }
  }

  integerIn(name: string, value: unknown, min: number, max: number): void {
    if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) {
      this.problem(`${name} must be an integer in ${min}..${max}, not ${String(value)}`);
    }
  }

  boolean(name: string, value: unknown): void {
    if (typeof value !== "boolean") {
      this.problem(`${name} must be true or false, not ${String(value)}`);
    }
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  /** Throws DT_CODEC_OPTIONS with everything found. */
  finish(): void {
    if (this.#problems.length > 0) {
      const problems = this.#problems;
      throw new CodecError({ code: "DT_CODEC_OPTIONS", owner: this.#owner, problems });
    }
  }
}
