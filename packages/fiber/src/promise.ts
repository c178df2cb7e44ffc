import { FiberFuture } from "./fiber-future.ts";

/** A future of a promise's outcome: `yield* fromPromise(promise)` in a fiber. */
export function fromPromise<T>(promise: PromiseLike<T>, name = "promise"): FiberFuture<T> {
  const future = new FiberFuture<T>(name);
  promise.then(
    (value) => future.complete(value),
    (error: unknown) => future.fail(error),
  );
  return future;
}

/** A promise of a future's outcome, for code that is not a fiber. */
export function toPromise<T>(future: FiberFuture<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    future.listen({ onValue: resolve, onError: reject });
  });
}
