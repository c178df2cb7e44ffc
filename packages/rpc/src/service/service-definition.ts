/** A MessageCodec of @dt/codec for messages of some type. */
export interface AnyMessageCodec {
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

/** One method of a service, as ts-proto generates it with `outputServices=generic-definitions`. */
export interface MethodDefinition {
  /** As it stands in the .proto file. */
  readonly name: string;
  readonly requestType: AnyMessageCodec;
  readonly requestStream: boolean;
  readonly responseType: AnyMessageCodec;
  readonly responseStream: boolean;
}

/** A service of a .proto file. The keys of `methods` are the names of the methods in TypeScript. */
export interface ServiceDefinition {
  readonly name: string;
  /** With its package: "examples.chat.Chat". */
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

type MessageOf<Codec> = Codec extends { decode(...input: never): infer T } ? T : never;

export type RequestOf<M extends MethodDefinition> = MessageOf<M["requestType"]>;
export type ResponseOf<M extends MethodDefinition> = MessageOf<M["responseType"]>;

/** The keys of a service's methods. */
export type MethodKey<D extends ServiceDefinition> = keyof D["methods"] & string;
