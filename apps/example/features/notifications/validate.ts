import { type Author, maxNameLength } from "./entry";
import { presenceStatuses, type PresenceSign, type PresenceStatus } from "./presence";

/** What a visitor can be told of what they sent. */
export class Refusal extends Error {}

// What would break a line of the list, or hide in it: control characters and overrides of direction.
const unseen = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069\u2028\u2029]/u;
const idShape = /^[\da-f]{32}$/;

/** @throws Refusal when it is not a text of 1 to `maxLength` characters that can be seen */
export function readText(value: unknown, what: string, maxLength: number): string {
  if (typeof value !== "string" || value.trim() === "") throw new Refusal(`${what} is missing.`);
  const text = value.trim();
  if (text.length > maxLength) {
    throw new Refusal(`${what} has ${text.length} characters; at most ${maxLength} fit.`);
  }
  if (unseen.test(text)) throw new Refusal(`${what} has characters that cannot be shown.`);
  return text;
}

/** @throws Refusal */
function readId(value: unknown): string {
  if (typeof value !== "string" || !idShape.test(value)) throw new Refusal("That is not an id.");
  return value;
}

/** @throws Refusal */
export function readAuthor(person: unknown, name: unknown): Author {
  return { person: readId(person), name: readText(name, "Your name", maxNameLength) };
}

/** @throws Refusal */
export function readOneOf<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((one) => one === value);
  if (choice === undefined) throw new Refusal(`It must be one of ${choices.join(", ")}.`);
  return choice;
}

/** @throws Refusal */
export function readSign(value: unknown): PresenceSign {
  const { window, turn, person, name, status } = Object(value) as Record<string, unknown>;
  return {
    ...readAuthor(person, name),
    window: readId(window),
    turn: readCount(turn),
    status: readOneOf<PresenceStatus>(status, presenceStatuses),
  };
}

function readCount(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Refusal("That is no count.");
  return value as number;
}

/** @throws Refusal */
export function readPosition(value: unknown): string {
  if (typeof value !== "string" || !/^[\da-z-]{5,64}$/.test(value)) {
    throw new Refusal("There is no such entry.");
  }
  return value;
}
