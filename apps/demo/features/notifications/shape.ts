import * as v from "valibot";
import { readShape, text } from "../../lib/shape";
import {
  alertLevels,
  maxAlertLength,
  maxChatLength,
  maxNameLength,
  type PublishedEntry,
} from "./entry";
import { presenceStatuses, type PresenceHeartbeat } from "./presence";

const id = v.pipe(v.string(), v.regex(/^[\da-f]{32}$/));
const author = { person: id, name: text(maxNameLength) };
const by = v.object(author);

export const entry = v.variant("kind", [
  v.object({ kind: v.literal("join"), by }),
  v.object({ kind: v.literal("chat"), by, text: text(maxChatLength) }),
  v.object({
    kind: v.literal("alert"),
    by,
    text: text(maxAlertLength),
    level: v.picklist(alertLevels),
  }),
  v.object({ kind: v.literal("ack"), by, alert: text(64) }),
]) satisfies v.GenericSchema<unknown, PublishedEntry>;

export const heartbeat = v.object({
  ...author,
  window: id,
  turn: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  status: v.picklist(presenceStatuses),
}) satisfies v.GenericSchema<unknown, PresenceHeartbeat>;

export const readEntry = (data: unknown) => readShape<PublishedEntry>(entry, data);
export const readPublishedHeartbeat = (data: unknown) =>
  readShape<PresenceHeartbeat>(heartbeat, data);
