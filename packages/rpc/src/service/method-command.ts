import { crc32 } from "@dt/codec";
import { RpcError } from "../errors.ts";
import { FIRST_USER_COMMAND, MAX_COMMAND } from "../frame.ts";
import type { MethodKey, ServiceDefinition } from "./service-definition.ts";

/** The lower half of the commands is for those who choose numbers. */
export const FIRST_METHOD_COMMAND = 0x8000;
const METHOD_BITS = 0x7fff;

/**
 * The command of a method that was given none: 32768 plus the low 15 bits of the crc-32 (IEEE, as in
 * zlib) of "package.Service/Method" in UTF-8. It depends on nothing but the two names, so methods may
 * be added, removed and moved within their file.
 */
export function methodCommand(serviceName: string, methodName: string): number {
  const name = Buffer.from(`${serviceName}/${methodName}`);
  return FIRST_METHOD_COMMAND + (crc32(name, 0, name.length) & METHOD_BITS);
}

/** Commands of methods by key, for those whose own would collide with another. */
export type MethodCommands<D extends ServiceDefinition> = {
  readonly [K in MethodKey<D>]?: number;
};

/**
 * The command of each method. `chosen` goes before the rule; both sides must choose alike. Throws
 * DT_RPC_SERVICE when two methods have the same command or a choice is no command.
 */
export function methodCommands<D extends ServiceDefinition>(
  definition: D,
  chosen: MethodCommands<D> = {},
): ReadonlyMap<string, number> {
  const problems: string[] = [];
  const commands = new Map<string, number>();
  const owners = new Map<number, string>();
  for (const [key, value] of Object.entries<unknown>(chosen)) {
    if (!Object.hasOwn(definition.methods, key)) {
      problems.push(`commands.${key}: ${definition.fullName} has no such method`);
    } else if (!isCommand(value)) {
      problems.push(
        `commands.${key}: ${String(value)} is not within ${FIRST_USER_COMMAND}..${MAX_COMMAND}`,
      );
    }
  }
  const choices: Readonly<Record<string, number | undefined>> = chosen;
  for (const [key, { name }] of Object.entries(definition.methods)) {
    const command = choices[key] ?? methodCommand(definition.fullName, name);
    const owner = owners.get(command);
    if (owner !== undefined) {
      problems.push(`${owner} and ${key} both have command ${command}; choose one in commands`);
    }
    owners.set(command, key);
    commands.set(key, command);
  }
  if (problems.length > 0) {
    throw new RpcError({ code: "DT_RPC_SERVICE", problems });
  }
  return commands;
}

function isCommand(value: unknown): boolean {
  return (
    typeof value === "number" &&
    Number.isInteger(value) &&
    value >= FIRST_USER_COMMAND &&
    value <= MAX_COMMAND
  );
}
