import { drainStreams } from "sse-bus";
import { whileLeader } from "@/lib/leader";
import { perProcess } from "@/lib/per-process";
import { bus } from "@/lib/sse-bus";
import { demoChannel, floodSize, maxStallMs, type Tick } from "./demo";
import { readControl, readTick } from "./shape";

const tickMs = 250;
/** A line that was cut has a moment to come back. */
const graceMs = 10_000;
const maxDemos = 50;

/** A demo stream as it passes through this process. */
interface Line {
  cut(): void;
  setStalled(isStalled: boolean): void;
}

interface Demo {
  lines: Set<Line>;
  leave(): void;
}

/** Whether there is room for this page's demo: each costs a timer. */
export function hasRoomFor(id: string): boolean {
  return demos().has(id) || demos().size < maxDemos;
}

/** Lets the demo's bytes pass, unless its page asks otherwise. */
export function carry(id: string, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const demo = demos().get(id) ?? begin(id);
  const source = body.getReader();
  let open: Promise<void> | undefined;
  let release = (): void => {};
  let isOver = false;
  let limit: NodeJS.Timeout | undefined;

  const line: Line = {
    cut() {
      end();
      outlet?.error(new Error("Cut by the inspector."));
      void source.cancel();
    },
    setStalled(isStalled) {
      clearTimeout(limit);
      release();
      open = undefined;
      if (!isStalled) return;
      open = new Promise((resolve) => (release = resolve));
      limit = setTimeout(() => line.setStalled(false), maxStallMs).unref();
    },
  };
  function end(): void {
    isOver = true;
    clearTimeout(limit);
    release();
    if (demo.lines.delete(line)) demo.leave();
  }

  demo.lines.add(line);
  let outlet: ReadableStreamDefaultController<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        outlet = controller;
      },
      // #region how stall
      // While the gate is shut nothing is read: to the bus this is a client that has stopped reading.
      async pull(controller) {
        await open;
        if (isOver) return;
        const { value, done } = await source.read();
        await open;
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

function begin(id: string): Demo {
  const channel = demoChannel(id);
  const lines = new Set<Line>();
  let n = 0;
  let newest = 0;
  let flood: (() => void) | undefined;
  let grace: NodeJS.Timeout | undefined;

  // Another instance may have counted before, or go on counting after this one.
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
          for (const line of lines) line.cut();
        if (command.kind === "evict") flood?.();
        if (command.kind === "drain") drainStreams(bus, channel);
        for (const line of lines) line.setStalled(command.kind === "stall");
      },
      { channel: `${channel}/control`, onGap: () => {} },
    ),
  ];

  function tell(event: "tick" | "newest", own: number): Promise<unknown> {
    const key = event === "newest" ? { key: "newest" } : {};
    return bus.publish({ n: own } satisfies Tick, { channel, event, ...key }).catch(() => {});
  }

  const resign = whileLeader(`${channel}/leader`, () => {
    const timer = setInterval(() => {
      void tell("tick", ++n);
      void tell("newest", ++newest);
    }, tickMs).unref();
    flood = () => {
      const from = n + 1;
      n += floodSize;
      for (let own = from; own < from + floodSize; own++) void tell("tick", own);
    };
    return () => {
      clearInterval(timer);
      flood = undefined;
    };
  });

  const demo: Demo = {
    lines,
    leave() {
      clearTimeout(grace);
      if (lines.size > 0) return;
      grace = setTimeout(() => {
        if (lines.size > 0) return;
        demos().delete(id);
        resign();
        for (const one of unsubscribe) one();
      }, graceMs).unref();
    },
  };
  demos().set(id, demo);
  return demo;
}

function demos(): Map<string, Demo> {
  return perProcess("inspector-demos", () => new Map<string, Demo>());
}
