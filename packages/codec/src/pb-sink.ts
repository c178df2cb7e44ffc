/**
 * Receives the fields of one message in the order in which they arrive. Numbers come as two
 * unsigned 32-bit halves, because only the receiver knows the type of the field: take `low` for
 * 32-bit fields, and joinUint64, joinInt64 or joinSint64 for 64-bit ones. Fields it does not know
 * it ignores.
 */
export interface PbSink {
  /** First call, with the length of the message. */
  begin(byteCount: number): void;
  varNumber(field: number, high: number, low: number): void;
  fixed32(field: number, value: number): void;
  fixed64(field: number, high: number, low: number): void;
  /**
   * A part of a length-delimited field of `byteCount` bytes: buf[start, end) are its bytes from
   * `offset` on, valid during the call. Parts come in order and without gaps, the last one ends at
   * `byteCount`; an empty field is one empty part.
   */
  bytes(
    field: number,
    byteCount: number,
    offset: number,
    buf: Buffer,
    start: number,
    end: number,
  ): void;
  /** Last call, exactly once after `begin`: false when the message was malformed or given up. */
  end(isComplete: boolean): void;
}
