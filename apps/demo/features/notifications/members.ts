import * as v from "valibot";
import { readShape } from "../../lib/shape";
import { type Author, maxNameLength } from "./entry";
import { visibleText } from "./validate";

const statuses = ["here", "typing", "away"] as const;

/** What a window says of its visitor: the state of a member. */
export interface VisitorState {
  name: string;
  status: (typeof statuses)[number];
}

/** A member of the chat, from the server or from the hook. */
export interface ChatMember {
  readonly id: string;
  /** What the server says of the visitor: a name, until the visitor chooses one. */
  readonly info?: unknown;
  readonly state?: unknown;
}

/** A member, as the page shows it. */
export interface Present extends Author {
  status: VisitorState["status"];
}

const name = visibleText("The name", maxNameLength);
const memberInfo = v.object({ name });
const visitorState = v.object({ name, status: v.picklist(statuses) });

/** Who is present, by name. */
export function byName(members: readonly ChatMember[]): Present[] {
  return members.map(presentOf).toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}

/** A member with the name that the visitor chose, or else the server's name for the visitor. */
export function presentOf({ id, info, state }: ChatMember): Present {
  const known = readVisitorState(state) ?? readShape(memberInfo, info);
  return { person: id, status: "here", name: "Visitor", ...known };
}

/** Every client sets its own state, so it is checked where it is read. */
export const readVisitorState = (state: unknown) => readShape<VisitorState>(visitorState, state);
