import * as v from "valibot";
import { text } from "../../lib/shape";
import {
  alertLevels,
  maxAlertLength,
  maxChatLength,
  maxNameLength,
  type PublishedEntry,
} from "./entry";

const id = v.pipe(v.string(), v.regex(/^[\da-f]{32}$/));
const by = v.object({ person: id, name: text(maxNameLength) });

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
