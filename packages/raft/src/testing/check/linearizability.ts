/** One operation on one register, as its client saw it. */
export interface RegisterOperation {
  readonly kind: "write" | "read";
  readonly key: number;
  /** What was written or found; writes of a key have distinct values, 0 is the first value. */
  readonly value: number;
  readonly startMs: number;
  /** Infinity for a write whose end nobody saw: it may have happened at any time, or never. */
  readonly endMs: number;
}

/**
 * A write and the reads that found it. All of them belong between the write and the next one, so
 * the earliest end and the latest start decide which other writes come before and after:
 * `a` comes before `b` when `a.firstEndMs < b.lastStartMs`.
 */
interface Zone {
  readonly value: number;
  readonly firstEndMs: number;
  readonly lastStartMs: number;
}

/**
 * Looks for an order of the operations that respects real time and in which each read finds the
 * last write before it. Returns null when every key has one, else a text that says why not.
 *
 * Written values are distinct, so each read names its write, and an order exists exactly when no
 * read ends before its write starts and no two zones must each come before the other (Gibbons and
 * Korach, "Testing shared memories", 1997).
 */
export function checkLinearizable(operations: readonly RegisterOperation[]): string | null {
  const byKey = new Map<number, RegisterOperation[]>();
  for (const operation of operations) {
    const ofKey = byKey.get(operation.key);
    if (ofKey === undefined) {
      byKey.set(operation.key, [operation]);
    } else {
      ofKey.push(operation);
    }
  }
  for (const [key, ofKey] of byKey) {
    const problem = checkRegister(ofKey);
    if (problem !== null) {
      return `register ${key} has no linear order: ${problem}`;
    }
  }
  return null;
}

function checkRegister(operations: readonly RegisterOperation[]): string | null {
  const first = { kind: "write", key: 0, value: 0, startMs: -Infinity, endMs: -Infinity } as const;
  const writes = new Map<number, RegisterOperation>([[0, first]]);
  for (const operation of operations) {
    if (operation.kind === "write") {
      writes.set(operation.value, operation);
    }
  }
  const zones = new Map<number, Zone>([[0, zoneOf(first, undefined)]]);
  for (const operation of operations) {
    const write = writes.get(operation.value);
    if (write === undefined) {
      return `${describe(operation)} found what nobody wrote`;
    }
    if (operation.endMs < write.startMs) {
      return `${describe(operation)} ended before ${describe(write)} started`;
    }
    if (operation.endMs < Infinity) {
      const whole = zoneOf(write, zones.get(operation.value));
      zones.set(operation.value, zoneOf(operation, whole));
    }
  }
  return findConflict([...zones.values()]);
}

function zoneOf({ value, startMs, endMs }: RegisterOperation, known: Zone | undefined): Zone {
  return {
    value,
    firstEndMs: Math.min(endMs, known?.firstEndMs ?? Infinity),
    lastStartMs: Math.max(startMs, known?.lastStartMs ?? -Infinity),
  };
}

/**
 * A zone whose first end lies before its last start rules in between: no other such zone may
 * overlap it, and none of the short ones may lie inside it.
 */
function findConflict(zones: readonly Zone[]): string | null {
  const ruling = zones
    .filter(({ firstEndMs, lastStartMs }) => firstEndMs < lastStartMs)
    .toSorted((a, b) => a.firstEndMs - b.firstEndMs || a.lastStartMs - b.lastStartMs);
  for (let i = 1; i < ruling.length; i++) {
    const [before, after] = [ruling[i - 1] as Zone, ruling[i] as Zone];
    if (after.firstEndMs < before.lastStartMs) {
      return `${describeZone(before)} and ${describeZone(after)} each come before the other`;
    }
  }
  for (const zone of zones) {
    const around = lastBefore(ruling, zone.lastStartMs);
    if (around !== null && around !== zone && zone.firstEndMs < around.lastStartMs) {
      return `${describeZone(zone)} lies inside ${describeZone(around)}`;
    }
  }
  return null;
}

/** The last of the ruling zones with its first end before `timeMs`, or null. */
function lastBefore(ruling: readonly Zone[], timeMs: number): Zone | null {
  let low = 0;
  let high = ruling.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ruling[middle] as Zone).firstEndMs < timeMs) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return ruling[low - 1] ?? null;
}

function describe({ kind, value, startMs, endMs }: RegisterOperation): string {
  return `${kind} ${value} [${startMs.toFixed(3)}, ${endMs.toFixed(3)}]`;
}

function describeZone({ value, firstEndMs, lastStartMs }: Zone): string {
  return `value ${value} (first end ${firstEndMs.toFixed(3)}, last start ${lastStartMs.toFixed(3)})`;
}
