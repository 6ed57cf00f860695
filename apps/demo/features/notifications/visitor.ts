import { useEffect } from "react";
import { stored } from "@/lib/stored";
import type { Author } from "./entry";

const person = stored("sse-bus.person");
const name = stored("sse-bus.name");

const birds = ["Heron", "Swift", "Wren", "Kestrel", "Plover", "Tern", "Lark", "Finch", "Osprey"];

/** The visitor: one person for all windows of a browser. Empty until the browser has read its storage. */
export function useVisitor(): Author {
  const visitor = { person: person.use() ?? "", name: name.use() ?? "" };
  useEffect(() => {
    if (person.read() === undefined) person.write(randomId());
    if (name.read() === undefined) name.write(randomName());
  }, []);
  return visitor;
}

/** Renames the visitor in all windows. Ignores an empty name. */
export function rename(to: string): void {
  if (to.trim() !== "") name.write(to.trim());
}

/** `crypto.randomUUID` is missing outside secure contexts (http on a LAN address). */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function randomName(): string {
  const [which, number] = crypto.getRandomValues(new Uint8Array(2)) as unknown as [number, number];
  return `${birds[which % birds.length]} ${number}`;
}
