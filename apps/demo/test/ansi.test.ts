import fc from "fast-check";
import { expect, it } from "vitest";
import { parseAnsi } from "../features/progress/ansi";

const esc = "\u001B[";

it("reads colours, bright ones, bold, dim and their ends", () => {
  expect(parseAnsi(`${esc}32m✔ ${esc}1mok${esc}22m${esc}39m ${esc}2;91mslow${esc}0m.`)).toEqual([
    { text: "✔ ", colour: "green" },
    { text: "ok", colour: "green", bold: true },
    { text: " " },
    { text: "slow", colour: "red", dim: true },
    { text: "." },
  ]);
});

it("treats an empty parameter as a reset, as terminals do", () => {
  expect(parseAnsi(`${esc}31mred${esc}mplain`)).toEqual([
    { text: "red", colour: "red" },
    { text: "plain" },
  ]);
});

it("drops cursor moves, titles and colours that it does not show", () => {
  expect(parseAnsi(`${esc}2K${esc}1Ga\u001B]0;title\u0007b${esc}38;5;196mc`)).toEqual([
    { text: "a" },
    { text: "b" },
    { text: "c" },
  ]);
});

it("keeps every character of text without escapes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      fc.pre(!text.includes("\u001B"));
      expect(
        parseAnsi(text)
          .map((part) => part.text)
          .join(""),
      ).toBe(text);
    }),
  );
});

it("removes every known escape code at any place in the text", () => {
  const piece = fc.oneof(
    fc.stringMatching(/^[a-z ]{1,5}$/),
    fc.array(fc.nat(107)).map((codes) => `${esc}${codes.join(";")}m`),
    fc.constantFrom(`${esc}2K`, `${esc}10;20H`, `${esc}?25l`),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const plain = pieces.filter((one) => !one.startsWith("\u001B")).join("");
      expect(
        parseAnsi(pieces.join(""))
          .map((part) => part.text)
          .join(""),
      ).toBe(plain);
    }),
  );
});
