import * as v from "valibot";
import { askedRate, reading } from "@/features/dashboard/shape";
import { control, tick, view } from "@/features/guarantees/shape";
import { entry } from "@/features/notifications/shape";
import { command, match, race } from "@/features/scores/shape";
import { logLine, sample } from "@/features/system/shape";

/**
 * The schemas of the pages' own channels; other channels accept anything. Readers validate again,
 * because the log may hold messages of other versions and other programs.
 */
export const schemas = {
  "dashboard/readings": { message: reading },
  "dashboard/rate": { message: askedRate },
  "guarantees/*": { tick, newest: tick },
  "guarantees/*/control": { command: control },
  "guarantees/*/server": { view },
  "notifications/log": { entry },
  "scores/commands": { command },
  "scores/match": { match },
  "scores/race": { race },
  "system/log": { line: logLine },
  "system/samples": { sample },
  "**": { "*": v.any() },
};
