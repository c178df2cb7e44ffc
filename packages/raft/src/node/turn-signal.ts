import { FiberCondition, type FiberGen } from "@dt/fiber";

/** Says to a group's fiber that there is something to do: once per turn, however much arrives. */
export class TurnSignal {
  readonly #condition: FiberCondition;
  #isGiven = true;

  constructor(name: string) {
    this.#condition = new FiberCondition(name);
  }

  give(): void {
    if (!this.#isGiven) {
      this.#isGiven = true;
      this.#condition.signal();
    }
  }

  /** Waits until it is given, and takes it back. */
  *take(): FiberGen<void> {
    while (!this.#isGiven) {
      yield* this.#condition.wait();
    }
    this.#isGiven = false;
  }
}
