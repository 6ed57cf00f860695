import { createWriteQueue, type Write } from "../backend-shared/write-queue.ts";
import type { NewMessage, Stored } from "../core/backend.ts";
import { isReserved } from "../core/channel-name.ts";
import { createEpoch, type Cursor } from "../core/position.ts";
import { encodeAttributes } from "./codec.ts";
import { closedError, isBlockedChannel } from "./errors.ts";
import type { RedisLogAccess } from "./history.ts";
import { floorField } from "./keys.ts";
import { PUBLISH } from "./publish-script.ts";

export interface RedisPublisher {
  /** Publishes all messages or none. */
  publish(messages: readonly NewMessage[]): Promise<readonly Stored[]>;
  /** Rejects what was not sent. Resolves when what was sent has settled. */
  close(error: Error): Promise<void>;
}

export interface RedisPublisherOptions {
  /** How long an idempotency id is remembered. */
  readonly idempotencyMs: number;
  /** The epoch of the log that is known. */
  epoch(): string;
  /** Called before the publishes of a call resolve, with a position of it and the epoch before it. */
  onStored(newest: Cursor, epochBefore: string): Promise<void>;
}

/**
 * Some calls are on their way while one runs, so that neither the server nor this process waits for the other. With
 * more calls, each would have fewer publishes.
 */
const MAX_CALLS = 4;

/** Publishes with {@link PUBLISH}. Publishes that wait for a call to end go into the next one together. */
export function createPublisher(
  access: RedisLogAccess,
  { idempotencyMs, epoch, onStored }: RedisPublisherOptions,
): RedisPublisher {
  let isClosed = false;
  const queue = createWriteQueue<Write>({
    maxCalls: MAX_CALLS,
    isOwnFault: isBlockedChannel,
    // `commands` has made it already.
    toError: (error) => error as Error,
    async store(writes) {
      const messages = writes.flatMap((write) => write.messages);
      const epochBefore = epoch();
      const stored = await runScript(access, messages, idempotencyMs);
      const newest = stored.findLast(({ duplicate }) => !duplicate) ?? stored[0];
      if (newest) await onStored(newest, epochBefore);
      let start = 0;
      for (const write of writes) {
        const end = start + write.messages.length;
        write.resolve(stored.slice(start, end));
        start = end;
      }
    },
  });

  return {
    publish: (messages) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(closedError());
        const chars = messages.reduce((sum, { json }) => sum + json.length, 0);
        queue.add({ messages, chars, resolve, reject });
      }),
    async close(error) {
      isClosed = true;
      await queue.close(error);
    },
  };
}

async function runScript(
  { commands, keys, limits }: RedisLogAccess,
  messages: readonly NewMessage[],
  idempotencyMs: number,
): Promise<Stored[]> {
  const channels = new Map<string, number>();
  for (const { channel } of messages) {
    if (!channels.has(channel)) channels.set(channel, channels.size + 1);
  }
  const names = [keys.bus];
  const args = [
    createEpoch(),
    String(idempotencyMs),
    keys.announce,
    keys.all,
    String(channels.size),
  ];
  for (const channel of channels.keys()) {
    const { maxMessages, maxBytes, maxAgeMs } = limits(channel);
    names.push(keys.log(channel), keys.newest(channel));
    args.push(channel, isReserved(channel) ? keys.reserved : keys.live, floorField(channel));
    args.push(toBound(maxMessages), toBound(maxBytes), toBound(maxAgeMs));
  }
  for (const message of messages) {
    const { channel, key = "", json, id } = message;
    const number = id === undefined ? "" : String(names.push(keys.id(channel, id)));
    args.push(String(channels.get(channel)), encodeAttributes(message), json, key, number);
  }
  const [epoch = "", ...places] = (await commands.run(PUBLISH, names, args)) as string[];
  return messages.map(({ channel }, index) => {
    const [seq, time, duplicate] = (places[index] ?? "").split(" ");
    return {
      seq: Number(seq),
      time: Number(time),
      epoch,
      channel,
      duplicate: duplicate !== undefined,
    };
  });
}

/** Not every Redis can parse an infinite number in Lua. */
function toBound(limit: number): string {
  return String(Math.min(limit, Number.MAX_SAFE_INTEGER));
}
