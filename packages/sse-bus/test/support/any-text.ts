import fc from "fast-check";

/** Characters that break event streams: line breaks, NUL, BOM, separators, halves of pairs. */
const tricky = fc.constantFrom(
  "\r",
  "\n",
  "\r\n",
  "\n\n",
  "\0",
  "\uFEFF",
  "\u2028",
  "\u2029",
  "\uD83D",
  "\uDE00",
  "😀",
  ":",
  "data: x",
  "\nid: 1",
  "\u0085",
  "\u000B",
  '"',
  "\\",
);
const anyUnit = fc.integer({ min: 0, max: 0xff_ff }).map((code) => String.fromCharCode(code));

/** Any string, with lone surrogates, and with difficult characters more often than by chance. */
export const anyText: fc.Arbitrary<string> = fc.string({
  unit: fc.oneof({ weight: 2, arbitrary: tricky }, { weight: 1, arbitrary: anyUnit }),
});
