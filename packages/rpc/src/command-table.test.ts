import { expect, test } from "vitest";
import { CommandTable } from "./command-table.ts";

function handler(): void {}

test("finds what was registered and nothing else", () => {
  const table = new CommandTable().on(16, handler).on(65_535, handler);
  expect(table.find(16)).toBe(handler);
  expect(table.find(65_535)).toBe(handler);
  expect([0, 15, 17, 300, 65_534, 70_000].map((command) => table.find(command))).toEqual(
    Array.from({ length: 6 }, () => null),
  );
});

test("forgets what was taken off, which may then be registered anew", () => {
  const table = new CommandTable().on(20, handler);
  table.off(20);
  table.off(9999);
  expect(table.find(20)).toBeNull();
  expect(table.on(20, handler).find(20)).toBe(handler);
});

test("refuses a second handler for a command", () => {
  expect(() => new CommandTable().on(20, handler).on(20, handler)).toThrow("already");
});

test.each([0, 15, -1, 1.5, 65_536, NaN])("refuses command %d", (command) => {
  expect(() => new CommandTable().on(command, handler)).toThrow(RangeError);
});
