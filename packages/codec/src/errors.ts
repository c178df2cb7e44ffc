/**
 * What went wrong, with the facts that belong to it. The README lists every code with what to do
 * about it.
 */
export type CodecFault =
  | {
      readonly code: "DT_CODEC_TRUNCATED";
      readonly wantedBytes: number;
      readonly leftBytes: number;
    }
  | { readonly code: "DT_CODEC_TRAILING_BYTES"; readonly leftBytes: number }
  | { readonly code: "DT_CODEC_INT32_RANGE"; readonly value: number }
  | { readonly code: "DT_CODEC_UINT64_RANGE"; readonly value: string }
  | { readonly code: "DT_CODEC_VARINT"; readonly offset: number }
  | { readonly code: "DT_CODEC_UTF8"; readonly offset: number }
  | {
      readonly code: "DT_CODEC_WRITER_FULL";
      readonly neededBytes: number;
      readonly maxBytes: number;
    }
  | {
      readonly code: "DT_CODEC_FRAME_TOO_LARGE";
      readonly frameBytes: number;
      readonly maxFrameBytes: number;
    }
  | {
      readonly code: "DT_CODEC_FRAME_TOO_SMALL";
      readonly frameBytes: number;
      readonly minFrameBytes: number;
    }
  | { readonly code: "DT_CODEC_MESSAGE"; readonly reason: string; readonly offset: number }
  | { readonly code: "DT_CODEC_MESSAGE_TYPE"; readonly type: number }
  | {
      readonly code: "DT_CODEC_OPTIONS";
      readonly owner: string;
      readonly problems: readonly string[];
    };

/**
 * Thrown for bytes that cannot be decoded and for values that cannot be encoded. Match on `code`.
 */
export class CodecError extends Error {
  override readonly name = "CodecError" as const;
  readonly code: CodecFault["code"];
  readonly fault: CodecFault;

  constructor(fault: CodecFault, options?: ErrorOptions) {
    super(`${fault.code}: ${describe(fault)}`, options);
    this.code = fault.code;
    this.fault = fault;
  }
}

function describe(fault: CodecFault): string {
  switch (fault.code) {
    case "DT_CODEC_TRUNCATED":
      return `${fault.wantedBytes} bytes wanted, ${fault.leftBytes} left`;
    case "DT_CODEC_TRAILING_BYTES":
      return `${fault.leftBytes} bytes left after the last field`;
    case "DT_CODEC_INT32_RANGE":
      return `${fault.value} does not fit into the 32 bits of its field`;
    case "DT_CODEC_UINT64_RANGE":
      return `${fault.value} is outside the integers a number holds exactly`;
    case "DT_CODEC_VARINT":
      return `no end of the varint at offset ${fault.offset}`;
    case "DT_CODEC_UTF8":
      return `not well-formed UTF-8 at offset ${fault.offset}`;
    case "DT_CODEC_WRITER_FULL":
      return `${fault.neededBytes} bytes needed, the writer holds at most ${fault.maxBytes}`;
    case "DT_CODEC_FRAME_TOO_LARGE":
      return `frame of ${fault.frameBytes} bytes, the limit is ${fault.maxFrameBytes}`;
    case "DT_CODEC_FRAME_TOO_SMALL":
      return `frame of ${fault.frameBytes} bytes, the minimum is ${fault.minFrameBytes}`;
    case "DT_CODEC_MESSAGE":
      return `${fault.reason} at offset ${fault.offset}`;
    case "DT_CODEC_MESSAGE_TYPE":
      return `no codec for message type ${fault.type}`;
    case "DT_CODEC_OPTIONS":
      return `${fault.owner}: ${fault.problems.join("; ")}`;
  }
}
