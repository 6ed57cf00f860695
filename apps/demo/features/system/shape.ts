import * as v from "valibot";
import { amount, moment, name, text } from "../../lib/shape";
import { type LogLine, logLevels, maxTextLength, type Sample } from "./sample";

const rate = v.nullable(amount);

export const sample = v.object({
  host: name,
  time: moment,
  cores: v.pipe(v.array(amount), v.maxLength(1_024)),
  load: v.pipe(v.array(amount), v.maxLength(3)),
  memory: v.object({ used: amount, total: amount, process: amount }),
  eventLoop: v.object({ p50: amount, p99: amount }),
  disk: v.object({ read: rate, written: rate }),
  network: v.object({ received: rate, sent: rate }),
}) satisfies v.GenericSchema<unknown, Sample>;

export const logLine = v.object({
  host: name,
  level: v.picklist(logLevels),
  // May start with a note of suppressed lines.
  text: text(maxTextLength + 100),
  time: moment,
}) satisfies v.GenericSchema<unknown, LogLine>;
