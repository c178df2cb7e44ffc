/**
 * The side of the server towards the program that launched it, when there is one: `startNode` sets the variable
 * and opens a channel. The channel closes with the launcher however that ends, and then the server stops too.
 */
export const LAUNCHED_VARIABLE = "DT_LAUNCHED";

/** What the server tells its launcher. */
export interface ServingMessage {
  readonly type: "serving";
  readonly port: number;
}

export function isServingMessage(message: unknown): message is ServingMessage {
  return (
    typeof message === "object" &&
    message !== null &&
    "type" in message &&
    message.type === "serving" &&
    "port" in message &&
    typeof message.port === "number"
  );
}

export function isLaunched(): boolean {
  return process.env[LAUNCHED_VARIABLE] === "1" && process.connected;
}

export function tellLauncher(message: ServingMessage): void {
  if (isLaunched()) {
    // A launcher that is gone shows itself as a disconnection; the message has nobody to reach then.
    process.send?.(message, undefined, undefined, () => undefined);
  }
}

/** Calls back when the launcher has ended or closed the channel, at once when it has done so before. */
export function onLauncherGone(listener: () => void): void {
  if (process.env[LAUNCHED_VARIABLE] !== "1") {
    return;
  }
  if (process.connected) {
    process.once("disconnect", listener);
  } else {
    listener();
  }
}

/** Lets the process end: an open channel would keep it alive. */
export function leaveLauncher(): void {
  if (isLaunched()) {
    process.disconnect?.();
  }
}
