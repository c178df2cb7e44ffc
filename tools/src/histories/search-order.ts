import type { Operation } from "./operation.ts";
import { applyTo, ILLEGAL, type RegisterState } from "./register.ts";

/** The start or the end of an operation, in a list ordered by time. */
interface Moment {
  readonly id: number;
  readonly operation: Operation;
  readonly isStart: boolean;
  /** Of a start: the end, null when nobody saw it. */
  end: Moment | null;
  previous: Moment | null;
  next: Moment | null;
}

interface Choice {
  readonly start: Moment;
  readonly state: RegisterState;
  readonly high: number;
}

/**
 * Whether the operations on one key have an order that respects real time and in which each saw
 * what those before it left (Wing and Gong, "Testing and verifying concurrent objects", 1993, with
 * the memory of Lowe, "Testing for linearizability", 2017: a set of ordered operations that led to
 * a state is not tried twice). What ends and what starts at one instant counts as simultaneous.
 */
export function hasLinearOrder(operations: readonly Operation[]): boolean {
  return new OrderSearch(operations).run();
}

class OrderSearch {
  readonly #head: Moment;
  readonly #choices: Choice[] = [];
  /** By id. */
  readonly #operations: readonly Operation[];
  readonly #tried = new Set<string>();
  /** By id: 1 = ordered, in the order of the starts. */
  readonly #isOrdered: Uint8Array;
  /** By id: 1 = nobody saw its end. */
  readonly #isOpen: Uint8Array;
  readonly #openIds: number[] = [];
  readonly #values = new Map<RegisterState, number>();
  /** All ids below are ordered, or of operations without an end. */
  #low = 0;
  #high = -1;
  #endsLeft = 0;
  #state: RegisterState = null;

  constructor(operations: readonly Operation[]) {
    const relevant = operations.filter(isRelevant).toSorted((a, b) => a.start - b.start);
    this.#operations = relevant;
    this.#isOrdered = new Uint8Array(relevant.length);
    this.#isOpen = new Uint8Array(relevant.length);
    const moments: Moment[] = [];
    for (const [id, operation] of relevant.entries()) {
      const start = momentOf(id, operation, true);
      moments.push(start);
      if (operation.outcome === "unknown") {
        this.#isOpen[id] = 1;
        this.#openIds.push(id);
      } else {
        start.end = momentOf(id, operation, false);
        moments.push(start.end);
        this.#endsLeft++;
      }
    }
    moments.sort((a, b) => timeOf(a) - timeOf(b) || Number(b.isStart) - Number(a.isStart));
    this.#head = { ...momentOf(-1, undefined as never, true), next: moments[0] ?? null };
    for (const [i, moment] of moments.entries()) {
      moment.previous = moments[i - 1] ?? this.#head;
      moment.next = moments[i + 1] ?? null;
    }
  }

  run(): boolean {
    let at = this.#head.next;
    while (this.#endsLeft > 0 && at !== null) {
      if (at.isStart) {
        at = this.#take(at) ? this.#head.next : at.next;
      } else {
        // Somebody saw this one end, so it cannot come later: an earlier choice was wrong.
        const wrong = this.#choices.pop();
        if (wrong === undefined) {
          return false;
        }
        this.#undo(wrong);
        at = wrong.start.next;
      }
    }
    return true;
  }

  /** Makes the operation the next one of the order; false when that is illegal or was tried. */
  #take(start: Moment): boolean {
    const next = applyTo(this.#state, start.operation);
    if (next === ILLEGAL || this.#isNeedless(start, next)) {
      return false;
    }
    const choice = { start, state: this.#state, high: this.#high };
    this.#isOrdered[start.id] = 1;
    this.#high = Math.max(this.#high, start.id);
    this.#state = next;
    this.#raiseLow();
    const key = this.#key();
    if (this.#tried.has(key)) {
      this.#forget(choice);
      return false;
    }
    this.#tried.add(key);
    this.#choices.push(choice);
    unlink(start);
    if (start.end !== null) {
      unlink(start.end);
      this.#endsLeft--;
    }
    return true;
  }

  /**
   * An order stays one without its open writes that nobody saw before the next write. So an open
   * write is tried only where it changes something and somebody looks next; of equal ones the
   * first. Without this each of them would double the work.
   */
  #isNeedless(start: Moment, next: RegisterState): boolean {
    const { op } = start.operation;
    const before = this.#choices.at(-1);
    const isUnseen = before !== undefined && this.#isOpen[before.start.id] === 1;
    if (isUnseen && (op === "put" || op === "delete")) {
      return true;
    }
    if (this.#isOpen[start.id] !== 1) {
      return false;
    }
    return (
      next === this.#state || this.#openIds.some((id) => id < start.id && this.#isTwin(id, start))
    );
  }

  /** Whether an open operation that is not ordered yet would do the same. */
  #isTwin(id: number, { operation }: Moment): boolean {
    const other = this.#operations[id];
    return (
      this.#isOrdered[id] === 0 &&
      other !== undefined &&
      other.op === operation.op &&
      (other.op !== "put" || (operation.op === "put" && other.value === operation.value)) &&
      (other.op !== "cas" ||
        (operation.op === "cas" &&
          other.value === operation.value &&
          other.expected === operation.expected))
    );
  }

  #undo(choice: Choice): void {
    const { start } = choice;
    if (start.end !== null) {
      relink(start.end);
      this.#endsLeft++;
    }
    relink(start);
    this.#forget(choice);
  }

  #forget({ start, state, high }: Choice): void {
    this.#isOrdered[start.id] = 0;
    this.#low = Math.min(this.#low, start.id);
    this.#high = high;
    this.#state = state;
  }

  #raiseLow(): void {
    while (this.#isOrdered[this.#low] === 1 || this.#isOpen[this.#low] === 1) {
      this.#low++;
    }
  }

  /** Equal for equal sets of ordered operations and equal states. */
  #key(): string {
    const ids: number[] = [];
    for (const id of this.#openIds) {
      if (id < this.#low && this.#isOrdered[id] === 1) {
        ids.push(id);
      }
    }
    for (let id = this.#low; id <= this.#high; id++) {
      if (this.#isOrdered[id] === 1) {
        ids.push(id);
      }
    }
    return `${this.#valueId()};${this.#low};${ids.join(",")}`;
  }

  #valueId(): number {
    let id = this.#values.get(this.#state);
    if (id === undefined) {
      id = this.#values.size;
      this.#values.set(this.#state, id);
    }
    return id;
  }
}

/** What did not happen, and what nobody knows the answer of and changed nothing, says nothing. */
function isRelevant({ op, outcome }: Operation): boolean {
  return outcome === "ok" || (outcome === "unknown" && op !== "get");
}

function momentOf(id: number, operation: Operation, isStart: boolean): Moment {
  return { id, operation, isStart, end: null, previous: null, next: null };
}

function timeOf({ operation, isStart }: Moment): number {
  return isStart ? operation.start : operation.end;
}

function unlink(moment: Moment): void {
  if (moment.previous !== null) {
    moment.previous.next = moment.next;
  }
  if (moment.next !== null) {
    moment.next.previous = moment.previous;
  }
}

function relink(moment: Moment): void {
  if (moment.previous !== null) {
    moment.previous.next = moment;
  }
  if (moment.next !== null) {
    moment.next.previous = moment;
  }
}
