import { format, stripVTControlCharacters } from "node:util";
import { perProcess } from "@/lib/per-process";
import { publish } from "@/lib/sse-bus";
import { lines } from "./live";
import { type LogLevel, maxTextLength } from "./sample";
import { host } from "./server";

/** A flood of lines must not flood the bus. */
const maxLinesPerSecond = 50;
const levels = { error: "error", warn: "warn", info: "info", log: "info", debug: "debug" } as const;

let second = 0;
let count = 0;
let leftOut = 0;

/** Publishes what this process writes to its console from now on. */
export function publishConsole(): void {
  perProcess("console", () => {
    for (const [method, level] of Object.entries(levels) as [keyof typeof levels, LogLevel][]) {
      const write = console[method].bind(console);
      console[method] = (...values: unknown[]) => {
        write(...values);
        publishLine(level, format(...values));
      };
    }
    return true;
  });
}

function publishLine(level: LogLevel, written: string): void {
  const time = Date.now();
  if (Math.floor(time / 1_000) !== second) [second, count] = [Math.floor(time / 1_000), 0];
  if (++count > maxLinesPerSecond) return void leftOut++;
  const plain = stripVTControlCharacters(written).trim();
  // Stacks contain paths of the server.
  const shown = process.env.NODE_ENV === "development" ? plain : (plain.split("\n", 1)[0] ?? "");
  const text = (leftOut > 0 ? `(${leftOut} lines left out) ` : "") + shown.slice(0, maxTextLength);
  leftOut = 0;
  // A failed publish must not log another line.
  publish({ host, level, text, time }, { channel: lines.channel, event: "line" }).catch(() => {});
}
