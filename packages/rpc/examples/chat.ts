// A chat over bidirectional streams of proto/chat.proto: who is in a room hears what the others say.
import { RpcClient, RpcServer, ServiceError, Status, createClient, errorDetail } from "@dt/rpc";
import { LineQueue } from "./line-queue.ts";
import { ChatDefinition, RoomFull } from "./src/gen/chat.ts";
import type { Line } from "./src/gen/chat.ts";

const MAX_MEMBERS = 2;
const rooms = new Map<string, Set<LineQueue<Line>>>();

/** Ends when the member leaves, or its connection does. */
async function listen(lines: AsyncIterable<Line>, member: LineQueue<Line>): Promise<void> {
  for await (const line of lines) {
    const { room } = line;
    const members = rooms.get(room) ?? new Set();
    if (!members.has(member) && members.size >= MAX_MEMBERS) {
      const full = new ServiceError(Status.denied, "CHAT_ROOM_FULL", "come back later");
      throw full.with(RoomFull, { room, members: members.size });
    }
    rooms.set(room, members.add(member));
    members.forEach((other) => other !== member && other.push(line));
    member.push({ room, author: "chat", text: `${members.size} here` });
  }
}

const server = new RpcServer();
server.addService(ChatDefinition, {
  join(lines) {
    const member = new LineQueue<Line>();
    const leave = (error: unknown): void => {
      rooms.forEach((members) => members.delete(member));
      member.close(error);
    };
    listen(lines, member).then(leave, leave);
    return member;
  },
  rooms: ({ prefix }) => ({ rooms: [...rooms.keys()].filter((room) => room.startsWith(prefix)) }),
});
const client = new RpcClient({ address: await server.listen({ host: "127.0.0.1", port: 0 }) });
await client.connect();
const chat = createClient(ChatDefinition, client, { timeoutMs: 10_000 });

function enter(author: string) {
  const said = new LineQueue<Line>();
  const heard = chat.join(said);
  const next = async (): Promise<string> => (await heard.next()).value?.text ?? "left";
  return { next, say: (text: string) => said.push({ room: "tea", author, text }) };
}
const [ann, bob, eve] = [enter("ann"), enter("bob"), enter("eve")];
ann.say("hello?");
process.stdout.write(`ann: ${await ann.next()}\n`);
bob.say("good morning");
process.stdout.write(`bob: ${await bob.next()}\nann: ${await ann.next()}\n`);
eve.say("me too");
await eve.next().catch((error: unknown) => {
  const full = errorDetail(error, "CHAT_ROOM_FULL", RoomFull);
  process.stdout.write(`eve: ${full?.members} are in ${full?.room} already\n`);
});
await client.close();
await server.close();
