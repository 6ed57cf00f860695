import { describe, expect, test } from "vitest";
import {
  assertDisconnect,
  type DisconnectTarget,
  isMeant,
  readDisconnect,
} from "./disconnect-target.ts";

describe("what bus.disconnect is given", () => {
  test.each([
    [{ identity: "ada" }],
    [{ connection: "8c1a" }],
    [{ channel: "rooms/*" }],
    [{ identity: "ada", connection: "8c1a", channel: "rooms/7" }],
  ])("%j is accepted", (target) => {
    expect(() => assertDisconnect(target, { code: "SIGNED_OUT" })).not.toThrow();
  });

  test.each([
    [{}, "needs `identity`, `connection` or `channel`"],
    [undefined, "needs `identity`, `connection` or `channel`"],
    [{ identity: undefined, channel: "rooms/7" }, "`identity` of 1 to 200 bytes of text"],
    [{ identity: "" }, "`identity` of 1 to 200 bytes"],
    [{ identity: "é".repeat(101) }, "`identity` of 1 to 200 bytes"],
    [{ identity: { id: "ada" } }, "`identity` of 1 to 200 bytes"],
    [{ connection: 7 }, "`connection` of 1 to 200 bytes"],
    [{ user: "ada", channel: "rooms/7" }, "has no field `user`"],
    [{ channel: "rooms/7", code: "X" }, "has no field `code`"],
    [{ channel: "~control" }, "reserved"],
    [{ channel: undefined, identity: "ada" }, "Channel undefined"],
    [{ channel: "a b" }, 'Channel "a b"'],
  ])("%j is refused: it could end streams that it is not meant for", (target, message) => {
    expect(() => assertDisconnect(target as DisconnectTarget, {})).toThrow(message);
  });

  test.each(["", "two words", "a\nb", "x".repeat(65), null, 401, true, ["A"]])(
    "the code %j is refused: the other instances would not read the order",
    (code) => {
      const options = { code: code as string };
      expect(() => assertDisconnect({ identity: "ada" }, options)).toThrow("`code`");
    },
  );
});

describe("a disconnect from the log", () => {
  test("is read without what this version does not know", () => {
    const data = { identity: "ada", channel: "a/*", code: "X", sender: "1", later: true };
    expect(readDisconnect(data)).toEqual({ identity: "ada", channel: "a/*", code: "X" });
  });

  test.each([
    [null],
    ["ada"],
    [{}],
    [{ sender: "1" }],
    [{ identity: 7 }],
    [{ identity: "ada", channel: "~x" }],
    [{ identity: "ada", code: "a b" }],
  ])("%j is none", (data) => {
    expect(readDisconnect(data)).toBeUndefined();
  });
});

describe("a stream is meant", () => {
  const stream = { id: "c1", identity: { id: "ada" }, channels: ["rooms/*", "news"] };

  test.each([
    [{ identity: "ada" }, true],
    [{ identity: "bob" }, false],
    [{ connection: "c1" }, true],
    [{ connection: "c2" }, false],
    [{ channel: "news" }, true],
    [{ channel: "rooms/7" }, true],
    [{ channel: "*" }, true],
    [{ channel: "rooms/7/log" }, false],
    [{ identity: "ada", channel: "other" }, false],
    [{ identity: "ada", channel: "news" }, true],
    [{ identity: "ada", connection: "c2", channel: "news" }, false],
  ])("by %j: %s", (target, expected) => {
    expect(isMeant(target, stream)).toBe(expected);
  });

  test("by no identity if it is anonymous, and by no connection before it has one", () => {
    expect(isMeant({ identity: "ada" }, { id: "c1", channels: ["a"] })).toBe(false);
    expect(isMeant({ connection: "c1" }, { channels: ["a"] })).toBe(false);
  });
});
