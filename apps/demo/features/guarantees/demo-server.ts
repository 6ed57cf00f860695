import { drainStreams, inspectBus } from "sse-bus";
import { perProcess } from "@/lib/per-process";
import { bus } from "@/lib/sse-bus";
import {
  demoChannel,
  floodSize,
  maxStallMs,
  type ServerView,
  type Tick,
  viewChannel,
} from "./demo";
import { readControl, readTick } from "./shape";

const tickMs = 250;
/** The time for a page to reconnect before its demo ends. */
const graceMs = 10_000;
const maxDemos = 50;

/** A demo stream that passes through this process. */
interface Relay {
  cut(): void;
  setStalled(isStalled: boolean): void;
}

interface Demo {
  relays: Set<Relay>;
  relayClosed(): void;
}

/** Whether another demo may start. Each demo needs a timer. */
export function hasRoomFor(id: string): boolean {
  return demos().has(id) || demos().size < maxDemos;
}

/** Relays the demo's bytes until its page cuts or stalls the stream. */
export function relayStream(
  id: string,
  body: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const demo = demos().get(id) ?? startDemo(id);
  const source = body.getReader();
  let gate: Promise<void> | undefined;
  let openGate = (): void => {};
  let isOver = false;
  let limit: NodeJS.Timeout | undefined;

  const relay: Relay = {
    cut() {
      end();
      output?.error(new Error("Cut by the visitor."));
      void source.cancel();
    },
    setStalled(isStalled) {
      clearTimeout(limit);
      openGate();
      gate = undefined;
      if (!isStalled) return;
      gate = new Promise((resolve) => (openGate = resolve));
      limit = setTimeout(() => relay.setStalled(false), maxStallMs).unref();
    },
  };
  function end(): void {
    isOver = true;
    clearTimeout(limit);
    openGate();
    if (demo.relays.delete(relay)) demo.relayClosed();
  }

  demo.relays.add(relay);
  let output: ReadableStreamDefaultController<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        output = controller;
      },
      // #region how stall
      // A stalled relay reads nothing, so the bus sees a client that has stopped reading.
      async pull(controller) {
        await gate;
        if (isOver) return;
        const { value, done } = await source.read();
        await gate;
        if (isOver) return;
        if (value) controller.enqueue(value);
        if (!done) return;
        end();
        controller.close();
      },
      // #endregion
      cancel() {
        end();
        return source.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}

function startDemo(id: string): Demo {
  const channel = demoChannel(id);
  const relays = new Set<Relay>();
  let n = 0;
  let newest = 0;
  let flood: (() => void) | undefined;
  let grace: NodeJS.Timeout | undefined;

  // Follow the counters, because another instance may publish the ticks before or after this one.
  const unsubscribe = [
    bus.subscribe(
      (data: unknown, { event }) => {
        const tick = readTick(data);
        if (!tick) return;
        if (event === "tick") n = Math.max(n, tick.n);
        else newest = Math.max(newest, tick.n);
      },
      { channel, onGap: () => {} },
    ),
    bus.subscribe(
      (data: unknown) => {
        const command = readControl(data);
        if (!command) return;
        if (command.kind === "cut" || command.kind === "evict")
          for (const relay of relays) relay.cut();
        if (command.kind === "evict") flood?.();
        if (command.kind === "drain") drainStreams(bus, channel);
        for (const relay of relays) relay.setStalled(command.kind === "stall");
      },
      { channel: `${channel}/control`, onGap: () => {} },
    ),
  ];

  function publishTick(event: "tick" | "newest", own: number): Promise<unknown> {
    const key = event === "newest" ? { key: "newest" } : {};
    return bus.publish({ n: own } satisfies Tick, { channel, event, ...key }).catch(() => {});
  }

  const tick = (signal: AbortSignal): void => {
    const timer = setInterval(() => {
      void publishTick("tick", ++n);
      void publishTick("newest", ++newest);
    }, tickMs).unref();
    flood = () => {
      const from = n + 1;
      n += floodSize;
      for (let own = from; own < from + floodSize; own++) void publishTick("tick", own);
    };
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      flood = undefined;
    });
  };
  const stopTicking = bus.whileSubscribed(channel, tick, { singleton: true, graceMs });

  const viewing = setInterval(() => {
    const view = relays.size > 0 ? viewOf(channel) : undefined;
    const options = { channel: viewChannel(id), event: "view", key: "view" };
    // The bus reports its own errors, and the next one follows in a second.
    if (view) bus.publish(view, options).catch(() => {});
  }, 1_000).unref();

  const demo: Demo = {
    relays,
    relayClosed() {
      clearTimeout(grace);
      if (relays.size > 0) return;
      grace = setTimeout(() => {
        if (relays.size > 0) return;
        demos().delete(id);
        clearInterval(viewing);
        stopTicking();
        for (const one of unsubscribe) one();
      }, graceMs).unref();
    },
  };
  demos().set(id, demo);
  return demo;
}

// #region how view
function viewOf(channel: string): ServerView | undefined {
  const { connections, channels, history } = inspectBus(bus);
  const stream = connections.listed.find((one) => one.channels.includes(channel));
  const kept = channels.listed.find(({ name }) => name === channel);
  if (!stream || !kept) return undefined;
  return {
    lag: stream.lag,
    messages: kept.messages,
    bytes: kept.bytes,
    historyBytes: history.bytes,
    maxHistoryBytes: history.maxBytes,
  };
}
// #endregion

function demos(): Map<string, Demo> {
  return perProcess("guarantees-demos", () => new Map<string, Demo>());
}
