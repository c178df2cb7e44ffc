/** Where an echo server listens. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** The client's side of an echo workload. */
export interface EchoCaller {
  /** One echo; resolves with the length of the reply in bytes. */
  call(): Promise<number>;
  close(): Promise<void>;
}
