import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";

import { startNats } from "./nats.ts";
import { accepts } from "./ports.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

// Raw sockets instead of client libraries: this tests the servers.

test("Redis responds, keeps its data over a kill, and loses it when wiped", async () => {
  await using redis = await startRedis({ persist: true });
  expect(await ask(redis.port, "PING\r\n", /\r\n/)).toBe("+PONG\r\n");
  expect(await ask(redis.port, "SET k v\r\n", /\r\n/)).toBe("+OK\r\n");

  await redis.kill();
  expect(await accepts(redis.port)).toBe(false);
  await redis.start();
  expect(await ask(redis.port, "GET k\r\n", /\r\n.*\r\n/)).toBe("$1\r\nv\r\n");

  await redis.stop();
  await redis.wipe();
  await redis.start();
  expect(await ask(redis.port, "GET k\r\n", /\r\n/)).toBe("$-1\r\n");
});

test("a paused server accepts connections but does not respond until it is resumed", async () => {
  await using redis = await startRedis();
  redis.pause();
  const socket = connect(redis.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("PING\r\n");
  const first = await Promise.race([
    once(socket, "data").then(() => "answer"),
    new Promise((resolve) => setTimeout(resolve, 200, "silence")),
  ]);
  expect(first).toBe("silence");
  const answer = once(socket, "data");
  redis.resume();
  expect(String(await answer)).toBe("+PONG\r\n");
  socket.destroy();
});

test("NATS responds with JetStream on, keeps a stream over a kill, and loses it when wiped", async () => {
  await using nats = await startNats();
  expect(await ask(nats.port, "", /\r\n/)).toMatch(/^INFO .*"jetstream":true/);
  const create = JSON.stringify({ name: "s", subjects: ["s.>"], storage: "file" });
  expect(await natsRequest(nats.port, "$JS.API.STREAM.CREATE.s", create)).toContain(`"config"`);

  await nats.kill();
  await nats.start();
  expect(await natsRequest(nats.port, "$JS.API.STREAM.INFO.s", "")).toContain(`"name":"s"`);

  await nats.stop();
  await nats.wipe();
  await nats.start();
  expect(await natsRequest(nats.port, "$JS.API.STREAM.INFO.s", "")).toContain("stream not found");
});

test("PostgreSQL responds, keeps its data over a kill, and loses it when wiped", async () => {
  await using postgres = await startPostgres({ settings: { max_connections: 17 } });
  expect(await query(postgres.port, "SHOW max_connections")).toContain("17");
  await query(postgres.port, "CREATE TABLE kept AS SELECT 'still here' AS said");

  await postgres.kill();
  expect(await accepts(postgres.port)).toBe(false);
  await postgres.start();
  expect(await query(postgres.port, "SELECT said FROM kept")).toContain("still here");

  await postgres.stop();
  await postgres.wipe();
  await postgres.start();
  expect(await query(postgres.port, "SELECT said FROM kept")).toContain("does not exist");
});

test("a paused PostgreSQL responds on no connection, open or new, until it is resumed", async () => {
  await using postgres = await startPostgres();
  const open = connect(postgres.port, "127.0.0.1");
  open.write(startup);
  await untilIdle(open);
  postgres.pause();
  open.write(statement("SELECT 'still there'"));
  const late = connect(postgres.port, "127.0.0.1");
  await once(late, "connect");
  late.write(startup);
  const answers = [open, late].map(async (socket) => once(socket, "data"));
  const silence = new Promise<string>((resolve) => setTimeout(resolve, 300, "silence"));
  expect(await Promise.race([...answers, silence])).toBe("silence");
  postgres.resume();
  expect(String(await answers[0])).toContain("still there");
  await answers[1];
  for (const socket of [open, late]) socket.destroy();
});

test("a PostgreSQL that is stopped while paused ends immediately", async () => {
  await using postgres = await startPostgres();
  await query(postgres.port, "SELECT 1");
  postgres.pause();
  const before = performance.now();
  await postgres.stop();
  expect(performance.now() - before).toBeLessThan(4000);
});

async function ask(port: number, request: string, until: RegExp): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(request);
  return readUntil(socket, until);
}

async function natsRequest(port: number, subject: string, body: string): Promise<string> {
  const publish = `PUB ${subject} inbox ${Buffer.byteLength(body)}\r\n${body}\r\n`;
  return ask(
    port,
    `CONNECT {"verbose":false}\r\nSUB inbox 1\r\n${publish}`,
    /MSG inbox.*\r\n.*\r\n/,
  );
}

/** Implements just enough of the protocol to run one statement without a password. */
async function query(port: number, sql: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(Buffer.concat([startup, statement(sql)]));
  // ReadyForQuery ("Z", its length, a status) twice: after the login and after the statement.
  return readUntil(socket, /Z\0{3}.[EIT].*Z\0{3}.[EIT]/s);
}

async function readUntil(socket: Socket, until: RegExp): Promise<string> {
  let answer = "";
  socket.setTimeout(5_000, () =>
    socket.destroy(new Error(`No answer but ${JSON.stringify(answer)}`)),
  );
  for await (const chunk of socket.setEncoding("latin1")) {
    answer += String(chunk);
    if (until.test(answer)) break;
  }
  socket.destroy();
  return answer;
}

/** Reads until the server is ready for a query, and leaves the connection open. */
async function untilIdle(socket: Socket): Promise<void> {
  let answer = "";
  while (!answer.endsWith("Z\0\0\0\u0005I")) answer += String((await once(socket, "data"))[0]);
}

const startup = Buffer.from("\0\0\0\0\0\x03\0\0user\0postgres\0database\0postgres\0\0");
startup.writeInt32BE(startup.length, 0);

function statement(sql: string): Buffer {
  const message = Buffer.from(`Q\0\0\0\0${sql}\0`);
  message.writeInt32BE(message.length - 1, 1);
  return message;
}
