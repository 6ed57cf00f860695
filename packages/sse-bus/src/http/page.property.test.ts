import fc from "fast-check";
import { expect, test } from "vitest";
import { createBus, internalsOf } from "../core/bus.ts";
import { afterTurn } from "../core/flusher.ts";
import { topicCovers } from "../core/channel-name.ts";
import { parseCursor } from "../core/position.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { createLaggingServer } from "../../test/support/lagging-server.ts";
import { readPage } from "../../test/support/read-page.ts";
import { connectionsOf } from "./connections.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";

const CHANNELS = ["a", "b", "c/1", "c/2"];

const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("publish" as const),
      channel: fc.constantFrom(...CHANNELS),
      key: fc.option(fc.constantFrom("x", "y"), { freq: 2, nil: undefined }),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("poll" as const),
      limit: fc.integer({ min: 1, max: 5 }),
      isJson: fc.boolean(),
      waits: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "cut" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "restart" as const }) },
);
const anyTopics = fc.constantFrom(["a"], ["a", "b"], ["c/*"], ["a", "**"], ["b", "c/*"]);

interface Seen {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

interface Answer {
  /** `gap` and messages, in order. */
  readonly seen: readonly Seen[];
  readonly cursor: string;
  readonly more: boolean;
}

async function readAnswer(response: Response, isJson: boolean): Promise<Answer> {
  expect(response.status).toBe(200);
  if (isJson) {
    const { messages, gap, cursor, more } = (await response.json()) as Omit<Answer, "seen"> & {
      readonly messages: readonly Seen[];
      readonly gap?: unknown;
    };
    const seen = messages.map(({ id, event, data }) => ({ id, event, data }));
    return { seen: gap ? [{ id: "", event: "gap", data: gap }, ...seen] : seen, cursor, more };
  }
  const { events } = await readPage(response);
  const all = events.map(({ id = "", event = "message", data }) => ({
    id,
    event,
    data: JSON.parse(data) as unknown,
  }));
  const bye = all.at(-1) as Seen;
  expect([all[0]?.event, bye.event]).toEqual(["hello", "bye"]);
  const { more } = bye.data as { more: boolean };
  return { seen: all.slice(1, -1).map(withoutGapId), cursor: bye.id, more };
}

/** JSON does not have it. */
function withoutGapId(one: Seen): Seen {
  return one.event === "gap" ? { ...one, id: "" } : one;
}

const seqOf = (id: string): number => parseCursor(id)?.seq ?? 0;
const nextTurn = async (): Promise<void> => new Promise((resolve) => afterTurn(resolve));

test("a reader that only polls gets exactly what streams from the same cursors begin with", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), anyTopics, async (steps, topics) => {
      const history = { maxMessages: 6 };
      const server = createLaggingServer({ history });
      const line = server.connect();
      await using bus = createBus({ backend: line.backend, history });
      const { open } = connectionsOf(internalsOf(bus));
      const host = { socketIp: () => undefined, trustedProxies: 0 };
      const handle = createStreamHandler(routeContext(bus), {}, host);
      const query = topics.map((topic) => `channel=${encodeURIComponent(topic)}`).join("&");
      const get = async (rest: string, headers: HeadersInit = {}, signal?: AbortSignal) =>
        handle(
          new Request(`http://x/sse?${query}&${rest}`, { headers, ...(signal && { signal }) }),
        );

      /** What was published on the reader's channels. */
      const published: { readonly seq: number; readonly channel: string; readonly key?: string }[] =
        [];
      const received = new Set<number>();
      const gaps: { readonly after: number; readonly upTo: number; readonly channels: string[] }[] =
        [];
      /** The log has restarted, and the reader has no gap for it yet. */
      let isRestarted = false;
      let cursor = await bus.cursor();
      let n = 0;
      let waiting:
        | { readonly abort: AbortController; readonly answer: Promise<Answer> }
        | undefined;

      function accept({ seen, cursor: next }: Answer): void {
        const gap = seen.find(({ event }) => event === "gap");
        const messages = seen.filter((one) => one !== gap);
        let last = seqOf(cursor);
        if (gap) {
          expect(seen[0]).toBe(gap);
          const { channels, reason } = gap.data as { channels: string[]; reason: string };
          if (reason === "restarted") {
            expect(channels.toSorted()).toEqual([...topics].toSorted());
            isRestarted = false;
            last = -1;
          }
          gaps.push({
            after: last,
            upTo: Math.max(seqOf(next), published.at(-1)?.seq ?? 0),
            channels,
          });
        }
        for (const { id } of messages) {
          expect(seqOf(id)).toBeGreaterThan(last);
          last = seqOf(id);
          received.add(last);
        }
        expect(seqOf(next)).toBeGreaterThanOrEqual(last);
        cursor = next;
      }

      /** Waits for a poll that has been answered, as its cohort is flushed. */
      async function settle(): Promise<void> {
        await nextTurn();
        await nextTurn();
        if (!waiting || open.size > 0) return;
        accept(await waiting.answer);
        waiting = undefined;
      }

      async function publish(step: { channel: string; key: string | undefined; count: number }) {
        const { channel, key, count } = step;
        const turn = Array.from({ length: count }, async () =>
          bus.publish(n++, { channel, ...(key !== undefined && { key }) }),
        );
        for (const { id } of await Promise.all(turn)) {
          if (!topics.some((topic) => topicCovers(topic, channel))) continue;
          published.push({ seq: seqOf(id), channel, ...(key !== undefined && { key }) });
        }
      }

      async function poll(limit: number, isJson: boolean, waits: boolean): Promise<Answer> {
        const abort = new AbortController();
        const rest = `from=${encodeURIComponent(cursor)}&limit=${limit}&wait=${waits ? 60 : 0}`;
        const headers = isJson ? { Accept: "application/json" } : {};
        const answer = get(rest, headers, abort.signal).then(async (response) =>
          response.status === 200 && response.body ? readAnswer(response, isJson) : undefined,
        ) as Promise<Answer>;
        waiting = { abort, answer };
        return answer;
      }

      /** The stream from the same cursor begins with the same events. */
      async function compare(from: string, { seen }: Answer): Promise<void> {
        const stream = readTestStream(await get(`from=${encodeURIComponent(from)}`));
        await stream.next();
        const begins: Seen[] = [];
        while (begins.length < seen.length) {
          const event = await stream.next();
          begins.push(
            withoutGapId({
              id: event?.id ?? "",
              event: event?.event ?? "message",
              data: JSON.parse(event?.data ?? "null"),
            }),
          );
        }
        await stream.cancel();
        expect(begins).toEqual(seen);
      }

      for (const step of steps) {
        if (step.type === "publish") await publish(step);
        else if (step.type === "cut") {
          waiting?.abort.abort();
          if (waiting && open.size === 0) await waiting.answer.catch(() => {});
          waiting = undefined;
        } else if (step.type === "restart") {
          server.loseData();
          line.notice();
          isRestarted = true;
          published.length = gaps.length = 0;
          received.clear();
        } else if (!waiting) {
          await nextTurn();
          const from = cursor;
          const answer = poll(step.limit, step.isJson, step.waits);
          if (step.waits) void answer.catch(() => {});
          else {
            const page = await answer;
            waiting = undefined;
            accept(page);
            await compare(from, page);
            continue;
          }
        }
        await settle();
      }
      if (waiting) {
        waiting.abort.abort();
        waiting = undefined;
      }
      for (let page: Answer | undefined; !page || page.more;) {
        await nextTurn();
        page = await poll(3, true, false);
        accept(page);
      }
      expect(isRestarted).toBe(false);
      const { seq: headSeq, epoch } = parseCursor(await bus.cursor()) ?? {};
      expect(parseCursor(cursor)).toMatchObject({ seq: headSeq, epoch });
      for (const [index, { seq, channel, key }] of published.entries()) {
        if (received.has(seq)) continue;
        const isSuperseded = published
          .slice(index + 1)
          .some((newer) => newer.channel === channel && newer.key === key && key !== undefined);
        // History drops the oldest messages of each channel: what a gap reports ends before the channel's next message.
        const isNextReceived = (after: number): boolean =>
          published.some(
            (one) =>
              one.channel === channel && one.seq > after && one.seq < seq && received.has(one.seq),
          );
        const isReported = gaps.some(
          ({ after, upTo, channels }) =>
            seq > after &&
            seq <= upTo &&
            channels.some((topic) => topicCovers(topic, channel)) &&
            !isNextReceived(after),
        );
        expect(isSuperseded || isReported, `message ${seq} of ${channel}`).toBe(true);
      }
      expect(open.size).toBe(0);
      expect(bus.stats().connections).toBe(0);
    }),
    { numRuns: Number(process.env.SSE_BUS_MODEL_RUNS ?? 60) },
  );
}, 60_000);
