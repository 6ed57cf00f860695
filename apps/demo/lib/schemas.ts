import * as v from "valibot";
import { askedRate, reading } from "@/features/dashboard/shape";
import { control, tick } from "@/features/inspector/shape";
import { entry, heartbeat } from "@/features/notifications/shape";
import { buildLine, cancellation, job } from "@/features/progress/shape";
import { command, match, race } from "@/features/scores/read-state";
import { logLine, sample } from "@/features/system/shape";

/** Published by a projection to find out that it has read everything; see `projection.ts`. */
const mark = v.string();

/**
 * The schemas of the pages' own channels; other channels accept anything. Readers validate again,
 * because the log may hold messages of other versions and other programs.
 */
export const schemas = {
  "dashboard/readings": { message: reading, mark },
  "dashboard/rate": { message: askedRate },
  "inspector/demo/*": { tick, newest: tick },
  "inspector/demo/*/control": { command: control },
  "notifications/log": { entry, mark },
  "notifications/presence": { heartbeat, mark },
  "progress/build": { line: buildLine, mark },
  "progress/cancel": { message: cancellation },
  "progress/jobs": { job, mark },
  "scores/commands": { command },
  "scores/match": { match, mark },
  "scores/race": { race, mark },
  "system/log": { line: logLine, mark },
  "system/samples": { sample, mark },
  "**": { "*": v.any() },
};
