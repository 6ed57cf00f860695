import { describe, expect, test } from "vitest";

import type { ClientConnection } from "./connection.ts";
import { connected, type MultiplexerState, without } from "./multiplexer-state.ts";

const connection = (): ClientConnection => ({
  channels: [],
  from: "",
  waitS: 0,
  check() {},
  close() {},
});
const [current, next] = [connection(), connection()];

test("the connections name the state", () => {
  expect(connected(undefined).name).toBe("idle");
  expect(connected(undefined, next).name).toBe("connecting");
  expect(connected(current).name).toBe("open");
  expect(connected(current, next).name).toBe("switching");
});

describe("the end of a connection", () => {
  const timer = setTimeout(() => {}, 0);
  const waiting: MultiplexerState = { name: "waiting", current, timer, isRequired: true };

  test.each<[MultiplexerState, ClientConnection, MultiplexerState]>([
    [{ name: "connecting", next }, next, { name: "idle" }],
    [{ name: "open", current }, current, { name: "idle" }],
    [{ name: "switching", current, next }, current, { name: "connecting", next }],
    [{ name: "switching", current, next }, next, { name: "open", current }],
    [waiting, current, { ...waiting, current: undefined }],
  ])("leads from $0.name to $2.name", (before, ended, after) => {
    expect(without(before, ended)).toEqual(after);
  });
});
