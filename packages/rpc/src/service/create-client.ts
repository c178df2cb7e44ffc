import { MessageQueue } from "./message-queue.ts";
import { methodCommands } from "./method-command.ts";
import { StreamCall } from "./stream-call.ts";
import { callUnary } from "./unary-call.ts";
import type { MessageCodec } from "@dt/codec";
import type { Channel, MethodCallOptions } from "./call-options.ts";
import type { MethodCommands } from "./method-command.ts";
import type {
  MethodDefinition,
  MethodKey,
  RequestOf,
  ResponseOf,
  ServiceDefinition,
} from "./service-definition.ts";
import type { CalledMethod } from "./unary-call.ts";

export interface CreateClientOptions<D extends ServiceDefinition> {
  /** The group that serves it; 0 for none. Default 0. */
  readonly groupId?: number;
  /** Deadline of calls that name none, in milliseconds; 0 for no deadline. Default 0. */
  readonly timeoutMs?: number;
  /** As given to `addService`. */
  readonly commands?: MethodCommands<D>;
}

type Many<T> = AsyncIterable<T> | Iterable<T>;

/** The responses of a call. Leaving the loop over them, or `return`, gives the call up. */
export type Responses<T> = AsyncIterableIterator<T, undefined> & AsyncDisposable;

/**
 * A method as its caller sees it. A unary or client-streaming one returns a promise, the others
 * return what can be looped over; the call begins at once. Errors are RpcErrors: what the method has
 * thrown is DT_RPC_REMOTE. When the iterable of the requests throws, the call is given up:
 * DT_RPC_CANCELLED with that error as its cause.
 */
export type MethodCall<M extends MethodDefinition> = M["requestStream"] extends true
  ? M["responseStream"] extends true
    ? (requests: Many<RequestOf<M>>, options?: MethodCallOptions) => Responses<ResponseOf<M>>
    : (requests: Many<RequestOf<M>>, options?: MethodCallOptions) => Promise<ResponseOf<M>>
  : M["responseStream"] extends true
    ? (request: RequestOf<M>, options?: MethodCallOptions) => Responses<ResponseOf<M>>
    : (request: RequestOf<M>, options?: MethodCallOptions) => Promise<ResponseOf<M>>;

/** Every method of a service, to be called. */
export type ServiceClient<D extends ServiceDefinition> = {
  readonly [K in MethodKey<D>]: MethodCall<D["methods"][K]>;
};

/**
 * Calls the methods of a service over a channel: an RpcClient, or one connection, as a server has
 * them for services of its clients. Throws DT_RPC_SERVICE as `addService` does.
 */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  channel: Channel,
  options: CreateClientOptions<D> = {},
): ServiceClient<D> {
  const { groupId = 0, timeoutMs = 0 } = options;
  const client: Record<string, unknown> = {};
  for (const [key, command] of methodCommands(definition, options.commands)) {
    const method = definition.methods[key];
    if (method !== undefined) {
      client[key] = callerOf(channel, {
        command,
        groupId,
        timeoutMs,
        requestType: method.requestType as MessageCodec<unknown>,
        requestStream: method.requestStream,
        responseType: method.responseType as MessageCodec<unknown>,
        responseStream: method.responseStream,
      });
    }
  }
  return Object.freeze(client) as ServiceClient<D>;
}

type Caller = (input: unknown, options?: MethodCallOptions) => unknown;

function callerOf(channel: Channel, method: CalledMethod): Caller {
  if (method.responseStream) {
    return (input, options = {}) => {
      try {
        const call = new StreamCall(method, channel, options);
        call.start(input, options);
        return call.responses;
      } catch (error) {
        return failedResponses(error);
      }
    };
  }
  if (method.requestStream) {
    return async (input, options = {}) => {
      const call = new StreamCall(method, channel, options);
      const response = call.response();
      call.start(input, options);
      return response;
    };
  }
  return (input, options = {}) => callUnary(method, channel, input, options);
}

/** A call that could not begin says so where its responses are read. */
function failedResponses(error: unknown): MessageQueue<unknown> {
  const responses = new MessageQueue<unknown>(ignore, ignore);
  responses.fail(error);
  return responses;
}

function ignore(): void {}
