"""A client of @dt/rpc in Python, standard library only, written after PROTOCOL.md.

Run as `python3 client.py PORT`: tries the server of server.ts and prints what it has seen, a line for each step.
"""

import os
import socket
import struct
import sys

REQUEST, RESPONSE, ONE_WAY = 0x11, 0x12, 0x13
GROUP, EXTENSION = 1, 2
HANDSHAKE, PING, NACK, GOAWAY = 1, 2, 3, 4
ECHO, FAIL, NOTE = 256, 258, 259
MAGIC = 0x44545250


class RemoteError(Exception):
    def __init__(self, status, code, detail, message):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.detail = status, code, detail


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """A protobuf field: an integer, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a protobuf message, by number, each a list."""
    found, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        elif key & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:  # 5: four bytes
            value, at = data[at : at + 4], at + 4
        found.setdefault(key >> 3, []).append(value)
    return found


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.seq = 1
        limits = field(1, 1 << 24) + field(2, 1000) + field(3, 1 << 26)
        hello = b"\x0d" + struct.pack("<I", MAGIC) + field(2, 1) + field(4, os.urandom(16))
        hello += field(7, b"python") + field(8, b"groups") + field(9, limits)
        self.send(REQUEST, 0, HANDSHAKE, 1, 0, hello)
        answer = fields(self.response(1))
        assert answer[1][0] == struct.pack("<I", MAGIC) and answer[2][0] == 1
        self.capabilities = [name.decode() for name in answer[8]]
        self.max_frame_bytes = fields(answer[9][0])[1][0]

    def send(self, kind, flags, command, seq, word, rest=b""):
        header = struct.pack(">IBBHII", 12 + len(rest), kind, flags, command, seq, word)
        self.socket.sendall(header + rest)

    def read(self, count):
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise ConnectionError("the server has closed")
            data += chunk
        return data

    def frame(self):
        """The next frame: kind, flags, command, seq, word, and all behind the header."""
        length = struct.unpack(">I", self.read(4))[0]
        kind, flags, command, seq, word = struct.unpack(">BBHII", self.read(12))
        return kind, flags, command, seq, word, self.read(length - 12)

    def response(self, wanted):
        while True:
            kind, flags, command, seq, word, body = self.frame()
            if kind == REQUEST and command == PING:
                self.send(RESPONSE, 0, PING, seq, 0)
            elif kind == RESPONSE and seq in (wanted, 0):
                break
        tags = {}
        if flags & EXTENSION:
            end, at = 2 + struct.unpack_from(">H", body)[0], 2
            while at < end:
                tag, size = struct.unpack_from(">BH", body, at)
                tags[tag], at = body[at + 3 : at + 3 + size], at + 3 + size
            body = body[end:]
        if word != 0:
            raise RemoteError(word, tags.get(1, b"").decode(), tags.get(2), body.decode())
        return body

    def call(self, command, body, group=0, timeout_ms=0):
        self.seq += 1
        flags, prefix = (GROUP, struct.pack(">I", group)) if group else (0, b"")
        self.send(REQUEST, flags, command, self.seq, timeout_ms * 1000, prefix + body)
        return self.response(self.seq)


def failure(call):
    try:
        return f"no failure but {call()}"
    except RemoteError as error:
        return f"{error.status} {error.code} {(error.detail or b'').decode()}".strip()


def main():
    client = Client(int(sys.argv[1]))
    print("capabilities", *client.capabilities)
    print("echo", client.call(ECHO, "grüße".encode(), timeout_ms=60_000).decode())
    print("group", client.call(ECHO, b"of the group", group=5).decode())
    print("no group", failure(lambda: client.call(ECHO, b"", group=6)))
    print("no command", failure(lambda: client.call(9999, b"")))
    print("failure", failure(lambda: client.call(FAIL, b"")))
    client.send(ONE_WAY, GROUP, NOTE, 0, 0, struct.pack(">I", 6))
    print("nack", client.frame()[5].hex())
    print("too large", failure(lambda: client.call(ECHO, b"x" * client.max_frame_bytes)))


main()
