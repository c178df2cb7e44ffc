import type { ServiceContext } from "./service-context.ts";
import type { MethodDefinition, RequestOf, ResponseOf } from "./service-definition.ts";
import type { MethodKey, ServiceDefinition } from "./service-definition.ts";

type Eventually<T> = T | Promise<T>;

/**
 * A method as its implementer writes it.
 *
 *   unary              (request, context) => response
 *   server streaming   (request, context) => responses
 *   client streaming   (requests, context) => response
 *   bidirectional      (requests, context) => responses
 *
 * `requests` ends when the caller has sent the last one, and throws an RpcError when the caller waits
 * no more. Responses are taken from the iterable as fast as the caller reads; when the caller waits
 * no more, its `return` is called.
 */
export type MethodImplementation<M extends MethodDefinition> = M["requestStream"] extends true
  ? M["responseStream"] extends true
    ? (
        requests: AsyncIterable<RequestOf<M>>,
        context: ServiceContext,
      ) => AsyncIterable<ResponseOf<M>>
    : (requests: AsyncIterable<RequestOf<M>>, context: ServiceContext) => Eventually<ResponseOf<M>>
  : M["responseStream"] extends true
    ? (request: RequestOf<M>, context: ServiceContext) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, context: ServiceContext) => Eventually<ResponseOf<M>>;

/** Every method of a service. */
export type ServiceImplementation<D extends ServiceDefinition> = {
  readonly [K in MethodKey<D>]: MethodImplementation<D["methods"][K]>;
};
