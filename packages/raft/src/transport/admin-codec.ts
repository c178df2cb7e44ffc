import { decodeMessage, encodeMessage } from "@dt/codec";
import type { ByteWriter } from "@dt/codec";
import { AdminReply, AdminRequest } from "../gen/raft.ts";

export type { AdminReply, AdminRequest, MemberSet } from "../gen/raft.ts";

export function encodeAdminRequest(writer: ByteWriter, request: AdminRequest): void {
  encodeMessage(writer, AdminRequest, request);
}

export function decodeAdminRequest(body: Buffer, start: number, end: number): AdminRequest {
  return decodeMessage(AdminRequest, body, start, end);
}

export function encodeAdminReply(writer: ByteWriter, reply: AdminReply): void {
  encodeMessage(writer, AdminReply, reply);
}

export function decodeAdminReply(body: Buffer, start: number, end: number): AdminReply {
  return decodeMessage(AdminReply, body, start, end);
}
