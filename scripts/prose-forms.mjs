// The words and forms that the repository does not use, and what to write instead. In a pattern, a
// space also matches a line break within a comment or a paragraph.

/** @type {readonly { readonly pattern: string, readonly write: string }[]} */
export const FORMS = [
  { pattern: "whoever", write: "name the person, process or client" },
  { pattern: "told", write: "“is reported”, “gets”, “is called with”" },
  { pattern: "anew", write: "“again”, or “restarts”" },
  { pattern: "thereby", write: "a sentence of its own, or nothing" },
  { pattern: "meanwhile", write: "“during …”, or nothing" },
  { pattern: "(takes?|took|taking) nothing", write: "“reads nothing”, “stores nothing”" },
  { pattern: "(lets?|letting) go", write: "“releases”, “disconnects”" },
  { pattern: "(gives?|gave) (itself|themselves) up", write: "“stops”" },
  { pattern: "(comes?|came|coming) back", write: "“reconnects”, “resumes”, “returns”" },
  { pattern: "comes? later", write: "“retry later”, “arrives later”" },
  { pattern: "so many (?!that\\b)", write: "“N”, “this many”, “a number of”" },
  { pattern: "stands? in the (log|history|table|stream)", write: "“is in”, “appears in”" },
  { pattern: "means no(?! \\w)", write: "“denies access”" },
  {
    pattern: "(is|are|was|were|be|been|being|goes) (away|gone)",
    write: "“is unreachable”, “is down”, “disconnects”, “has been deleted”",
  },
  { pattern: "signs? of life", write: "“heartbeat”" },
  { pattern: "handed|hands? (it|them|over|on|out)", write: "“delivers”, “sends”, “passes”" },
  { pattern: "(go(es)?|went|going) on(?! (the|a|to)\\b)", write: "“continues”" },
  { pattern: "hears? (of|about|from|nothing)", write: "“receives”, “detects”" },
  { pattern: "believed?|allowances?", write: "“trusted”, “rate limit”, “quota”" },
  { pattern: "incarnations?", write: "“epoch”" },
  { pattern: "honest(ly)?", write: "“known limits”, or nothing" },
  { pattern: "farewells?", write: "“`bye`”" },
  { pattern: "for ever", write: "“forever”" },
  { pattern: "has it at once", write: "“receives it immediately”" },
  {
    pattern: "(drop|cut|lose)s? (my|the|its) line|line (is|was|goes|went) (down|up|dead|cut|live)",
    write: "“connection”, “stream”",
  },
  { pattern: "take the last one back|real, of now", write: "“Undo”, “Live”" },
];

/**
 * Places where a form is right: the text around it in a file, and why. The check fails for an exception
 * that is no longer used.
 *
 * @type {readonly { readonly file: string, readonly text: string, readonly reason: string }[]}
 */
export const EXCEPTIONS = [];

/** Starts of paths: records of the past, copies of other versions, and the forms themselves. */
export const SKIPPED = [
  "CHANGELOG.md",
  "bench/results/",
  "pnpm-lock.yaml",
  "scripts/prose-forms.mjs",
  "test/backends/fixtures/",
  "test/docs/prose.test.ts",
];
