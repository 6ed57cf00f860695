import fc from "fast-check";

/** What has broken an event stream somewhere: line breaks, NUL, BOM, separators, halves of pairs. */
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

/** Any string at all, with lone surrogates, and more often than by chance with what is tricky. */
export const anyText: fc.Arbitrary<string> = fc.string({
  unit: fc.oneof({ weight: 2, arbitrary: tricky }, { weight: 1, arbitrary: anyUnit }),
});
