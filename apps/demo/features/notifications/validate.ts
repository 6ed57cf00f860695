import * as v from "valibot";
import { type Author, maxNameLength } from "./entry";

/** An error message for the visitor. */
export class Refusal extends Error {}

// Control characters and direction overrides, which could break or hide in a line.
const unseen = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069\u2028\u2029]/u;

const id = v.pipe(
  v.string("Your browser has not sent its cookie. Allow cookies, and reload the page."),
  v.regex(/^[\da-f]{32}$/, "That is not an id."),
);
const author = v.object({ person: id, name: visibleText("Your name", maxNameLength) });
const position = v.pipe(
  v.string("There is no such entry."),
  v.regex(/^[\da-z-]{5,64}$/, "There is no such entry."),
);

/** @throws Refusal unless it is 1 to `maxLength` visible characters */
export function readText(value: unknown, what: string, maxLength: number): string {
  return read(visibleText(what, maxLength), value);
}

/** @throws Refusal */
export function readAuthor(person: unknown, name: unknown): Author {
  return read(author, { person, name });
}

/** @throws Refusal */
export function readOneOf<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
): Choice {
  return read(v.picklist(choices), value);
}

/** @throws Refusal */
export function readPosition(value: unknown): string {
  return read(position, value);
}

/** 1 to `maxLength` characters that can be shown in a line. */
export function visibleText(what: string, maxLength: number) {
  return v.pipe(
    v.string(`${what} is missing.`),
    v.trim(),
    v.nonEmpty(`${what} is missing.`),
    v.maxLength(
      maxLength,
      ({ input }) => `${what} has ${input.length} characters; at most ${maxLength} fit.`,
    ),
    v.check((value) => !unseen.test(value), `${what} has characters that cannot be shown.`),
  );
}

function read<Output>(schema: v.GenericSchema<unknown, Output>, value: unknown): Output {
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return result.output;
  throw new Refusal(result.issues[0].message);
}
