import { RpcError } from "../errors.ts";
import { methodCommands } from "./method-command.ts";
import { streamHandler } from "./served-stream.ts";
import { unaryHandler } from "./served-unary.ts";
import type { MessageCodec } from "@dt/codec";
import type { CommandTable } from "../command-table.ts";
import type { MethodCommands } from "./method-command.ts";
import type { ServiceDefinition } from "./service-definition.ts";
import type { ServiceImplementation } from "./service-implementation.ts";
import type { StreamMethod } from "./served-stream.ts";

export interface ServiceOptions<D extends ServiceDefinition> {
  /** Commands by method, in place of those that follow from the names. */
  readonly commands?: MethodCommands<D>;
}

type AnyImplementation = StreamMethod["implementation"];

/**
 * Registers every method of a service in a command table: a server's, a client's for what the server
 * calls, or a group's. Throws DT_RPC_SERVICE, and registers nothing, when a method has no
 * implementation, or a command that is taken.
 */
export function addService<D extends ServiceDefinition>(
  table: CommandTable,
  definition: D,
  implementation: ServiceImplementation<D>,
  options: ServiceOptions<D> = {},
): void {
  const commands = methodCommands(definition, options.commands);
  const problems: string[] = [];
  const functions = implementation as unknown as Readonly<Record<string, unknown>>;
  for (const [key, command] of commands) {
    if (typeof functions[key] !== "function") {
      problems.push(`${definition.fullName}: no implementation of ${key}`);
    }
    if (table.find(command) !== null) {
      problems.push(`${definition.fullName}: command ${command} of ${key} is taken`);
    }
  }
  if (problems.length > 0) {
    throw new RpcError({ code: "DT_RPC_SERVICE", problems });
  }
  for (const [key, command] of commands) {
    const method = definition.methods[key];
    if (method !== undefined) {
      const { requestStream, responseStream } = method;
      const requestType = method.requestType as MessageCodec<unknown>;
      const responseType = method.responseType as MessageCodec<unknown>;
      const call = (functions[key] as AnyImplementation).bind(implementation);
      const handler =
        requestStream || responseStream
          ? streamHandler({
              requestType,
              requestStream,
              responseType,
              responseStream,
              implementation: call,
            })
          : unaryHandler(requestType, responseType, call);
      table.on(command, handler);
    }
  }
}
