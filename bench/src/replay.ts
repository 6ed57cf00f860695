import { check, open, warmUp } from "./stretch.ts";
import type { Figures } from "./subject.ts";
import type { Server, Variant } from "./variants.ts";

const MESSAGES = 100;

/** A reconnect storm: all readers resume at once, and each has missed a hundred messages. */
export async function replay(variant: Variant, readers: number): Promise<Figures> {
  await using server = await variant.start({ REPLAY: String(MESSAGES) });
  // Without messages, so that the bounded buffer keeps all messages published below.
  await warmUp(variant, server, 0);
  const from = variant.isOurs ? `?from=${await readCursor(variant, server)}` : "";
  // In one turn: a server on Node.js publishes them before it reads the next command.
  await server.burst(MESSAGES, MESSAGES);
  await server.memory();
  const before = server.usage();
  await using load = await open(variant, server, {
    connections: readers,
    path: variant.path + from,
    expect: MESSAGES,
  });
  const received = await load.received();
  check(received);
  const { cpuSeconds } = server.usage();
  return {
    replayConnectCpuUs: ((cpuSeconds - before.cpuSeconds) * 1e6) / readers,
    replaySeconds: received.wallSeconds,
    replayRate: received.deliveries / received.wallSeconds,
    replayGeneratorBusy: received.cpuSeconds / received.wallSeconds,
  };
}

/** The id of `hello`: the position from which a reader would resume. */
async function readCursor({ path }: Variant, { port }: Server): Promise<string> {
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(5000)]);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
  let text = "";
  for await (const part of (response.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream() as never,
  )) {
    text += part;
    const id = /^id: (.+)\n/m.exec(text)?.[1];
    if (id === undefined) continue;
    leaving.abort();
    return encodeURIComponent(id);
  }
  throw new Error("The stream has ended without an id");
}
