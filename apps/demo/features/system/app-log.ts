import { format, stripVTControlCharacters } from "node:util";
import { perProcess } from "@/lib/per-process";
import { publish } from "@/lib/sse-bus";
import { keptLines, logChannel, type LogLevel, type LogLine, maxTextLength } from "./sample";
import { host } from "./server";

/** Limits how many lines are published, so that a flood of lines does not flood the bus. */
const maxLinesPerSecond = 50;

const levelOf: Record<"error" | "warn" | "info" | "log" | "debug", LogLevel> = {
  error: "error",
  warn: "warn",
  info: "info",
  log: "info",
  debug: "debug",
};

/** Captures what this process writes to its console from now on. */
export function listenToConsole(): void {
  perProcess("console", () => {
    for (const method of Object.keys(levelOf) as (keyof typeof levelOf)[]) {
      const write = console[method].bind(console);
      console[method] = (...values: unknown[]) => {
        write(...values);
        takeLine(levelOf[method], format(...values));
      };
    }
    return true;
  });
}

/** Publishes recent and new console lines. Returns the function that stops it. */
export function startLog(): () => void {
  const log = logOfProcess();
  log.isWatched = true;
  for (const line of log.waiting.splice(0)) send(line);
  return () => {
    log.isWatched = false;
  };
}

// #region how log
function takeLine(level: LogLevel, written: string): void {
  const suppressed = takeTurn();
  if (suppressed === undefined) return;
  const text = suppressed ? `(${suppressed} lines left out) ${clean(written)}` : clean(written);
  const line: LogLine = { host, level, text, time: Date.now() };
  const { isWatched, waiting } = logOfProcess();
  if (isWatched) return send(line);
  // Without a reader, keep the line for the first one and publish nothing.
  waiting.push(line);
  if (waiting.length > keptLines) waiting.shift();
}

function send(line: LogLine): void {
  // A failed publish must not log another line.
  publish(line, { channel: logChannel, event: "line" }).catch(() => {});
}
// #endregion

function logOfProcess() {
  return perProcess("log", () => ({ isWatched: false, waiting: [] as LogLine[] }));
}

/** Stacks contain paths of the server: shown in development only. */
function clean(written: string): string {
  const plain = stripVTControlCharacters(written).trim();
  const shown = process.env.NODE_ENV === "development" ? plain : (plain.split("\n", 1)[0] ?? "");
  return shown.slice(0, maxTextLength);
}

/** The number of lines suppressed before this one; undefined if this one must be suppressed. */
function takeTurn(): number | undefined {
  const turn = perProcess("log-turn", () => ({ second: 0, count: 0, suppressed: 0 }));
  const second = Math.floor(Date.now() / 1_000);
  if (turn.second !== second) Object.assign(turn, { second, count: 0 });
  if (++turn.count > maxLinesPerSecond) {
    turn.suppressed++;
    return undefined;
  }
  const { suppressed } = turn;
  turn.suppressed = 0;
  return suppressed;
}
