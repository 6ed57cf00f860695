import { createHash, randomBytes } from "node:crypto";

/** A person, as far as the server knows: one browser, in all its windows. */
export interface Visitor {
  id: string;
  /** A name until the visitor chooses one. */
  name: string;
}

export const visitorCookie = "sse_bus_visitor";
const sent = /(?:^|;) *sse_bus_visitor=([\w-]{43}) *(?:;|$)/;

const birds = ["Heron", "Swift", "Wren", "Kestrel", "Plover", "Tern", "Lark", "Finch", "Osprey"];

/**
 * Identifies a visitor by the secret in their cookie. The id is a hash of it, because everyone sees the
 * ids of the members of a channel: with an id alone, nobody can act as its visitor.
 */
export function visitorOf(headers: Pick<Headers, "get">): Visitor | undefined {
  const secret = sent.exec(headers.get("cookie") ?? "")?.[1];
  if (secret === undefined) return undefined;
  const hash = createHash("sha256").update(secret).digest();
  const [which, number] = hash as unknown as [number, number];
  return { id: hash.toString("hex", 0, 16), name: `${birds[which % birds.length]} ${number}` };
}

/** The cookie's value for a new visitor. */
export function newVisitorSecret(): string {
  return randomBytes(32).toString("base64url");
}
