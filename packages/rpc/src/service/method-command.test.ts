import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { methodCommand, methodCommands } from "./method-command.ts";
import type { ServiceDefinition } from "./service-definition.ts";

const codec = { encode: () => ({ finish: () => new Uint8Array() }), decode: () => ({}) as never };

function service(...names: string[]): ServiceDefinition {
  const method = {
    requestType: codec,
    responseType: codec,
    requestStream: false,
    responseStream: false,
  };
  const methods = Object.fromEntries(names.map((name) => [name, { ...method, name }]));
  return { name: "S", fullName: "p.S", methods };
}

describe("the command of a method", () => {
  test("follows from its names alone, as any language can compute it", () => {
    expect(methodCommand("examples.chat.Chat", "Join")).toBe(
      32_768 + (crc32("examples.chat.Chat/Join") & 0x7fff),
    );
    expect(methodCommand("examples.chat.Chat", "Join")).toBe(48_601);
    expect([...methodCommands(service("A", "B"))]).toEqual([
      ["A", methodCommand("p.S", "A")],
      ["B", methodCommand("p.S", "B")],
    ]);
  });

  test("may be chosen", () => {
    expect([...methodCommands(service("A", "B"), { A: 300 })]).toEqual([
      ["A", 300],
      ["B", methodCommand("p.S", "B")],
    ]);
  });

  test("is refused when another has it, by the rule or by choice", () => {
    // Two names whose crc-32 agree in the low 15 bits.
    const seen = new Map<number, string>();
    let twins: [string, string] | null = null;
    for (let index = 0; twins === null; index++) {
      const name = `M${index}`;
      const other = seen.get(methodCommand("p.S", name));
      twins = other === undefined ? null : [other, name];
      seen.set(methodCommand("p.S", name), name);
    }
    expect(() => methodCommands(service(...(twins as string[])))).toThrow(
      expect.objectContaining({ code: "DT_RPC_SERVICE" }),
    );
    expect(methodCommands(service(...(twins as string[])), { [twins?.[0] ?? ""]: 300 }).size).toBe(
      2,
    );
    expect(() => methodCommands(service("A", "B"), { A: 300, B: 300 })).toThrow(/A and B both/);
  });

  test.each([15, 65_536, 1.5, "300"])("may not be %s", (command) => {
    expect(() => methodCommands(service("A"), { A: command as number })).toThrow(/not within/);
  });

  test("is chosen for methods that exist", () => {
    expect(() => methodCommands(service("A"), { Z: 300 })).toThrow(/no such method/);
  });
});
