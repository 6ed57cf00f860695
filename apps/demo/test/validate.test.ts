import { describe, expect, it } from "vitest";

import { readAuthor, readPosition, readText, Refusal } from "../features/notifications/validate.ts";

const id = "0123456789abcdef".repeat(2);

describe("a visitor's input", () => {
  it("is accepted unchanged, except for surrounding spaces", () => {
    expect(readText("  <b>hi</b> 😀 ", "It", 100)).toBe("<b>hi</b> 😀");
    expect(readAuthor(id, " Ada ")).toEqual({ person: id, name: "Ada" });
    expect(readPosition("2s-mb1x2k3f-k3x9q7")).toBe("2s-mb1x2k3f-k3x9q7");
  });

  it.each([
    ["nothing", undefined],
    ["a file", new Blob(["x"])],
    ["blanks", " \t "],
    ["too much", "x".repeat(101)],
    ["a line break", "a\nb"],
    ["NUL", "a\0b"],
    ["an override of direction", "a\u202Eb"],
    ["an isolate", "a\u2066b"],
  ])("is refused with a reason when it is %s", (_, value) => {
    expect(() => readText(value, "It", 100)).toThrow(Refusal);
  });

  it("is refused when an id is invalid", () => {
    for (const value of [null, "", "../../x", id.slice(1), `${id}0`, id.toUpperCase()])
      expect(() => readAuthor(value, "Ada")).toThrow(Refusal);
    for (const value of [null, "", "a b", "x".repeat(65)])
      expect(() => readPosition(value)).toThrow(Refusal);
  });
});
