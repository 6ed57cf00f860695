import * as v from "valibot";
import { amount, count, readShape } from "../../lib/shape";
import { type DemoCommand, demoCommands, type ServerView, type Tick } from "./demo";

export const tick = v.object({ n: count }) satisfies v.GenericSchema<unknown, Tick>;
export const control = v.object({ kind: v.picklist(demoCommands) });
export const view = v.object({
  lag: amount,
  messages: amount,
  bytes: amount,
  historyBytes: amount,
  maxHistoryBytes: amount,
}) satisfies v.GenericSchema<unknown, ServerView>;

export const readTick = (data: unknown) => readShape<Tick>(tick, data);
export const readControl = (data: unknown) => readShape<{ kind: DemoCommand }>(control, data);
export const readView = (data: unknown) => readShape<ServerView>(view, data);
