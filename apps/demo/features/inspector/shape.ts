import * as v from "valibot";
import { amount, count, moment, name, readShape, text } from "../../lib/shape";
import { type DemoCommand, demoCommands, type Tick } from "./demo";
import type { InstanceSnapshot } from "./snapshot";

export const tick = v.object({ n: count }) satisfies v.GenericSchema<unknown, Tick>;
export const control = v.object({ kind: v.picklist(demoCommands) });

const list = <Item extends v.GenericSchema>(item: Item) =>
  v.object({ total: count, listed: v.pipe(v.array(item), v.maxLength(200)) });

const fastPathState = v.object({
  status: v.picklist(["unused", "on", "off"]),
  reason: v.exactOptional(text(1_000)),
});

const snapshot = v.object({
  instance: name,
  memoryBytes: amount,
  time: moment,
  head: v.nullable(text(100)),
  stats: v.looseObject({
    backend: text(100),
    status: v.picklist(["up", "down", "closed"]),
    published: count,
    delivered: count,
    gaps: count,
  }),
  fastPaths: v.record(name, fastPathState),
  traffic: v.object({ frames: amount, bytes: amount }),
  history: v.object({ bytes: amount, maxBytes: amount }),
  connections: list(
    v.object({
      id: text(100),
      channels: v.array(text(300)),
      cursor: v.nullable(text(100)),
      lag: amount,
      ageMs: amount,
      sink: v.picklist(["web", "direct"]),
      bytes: amount,
    }),
  ),
  channels: list(
    v.object({
      name: text(300),
      readers: count,
      received: amount,
      messages: amount,
      bytes: amount,
      horizon: v.nullable(text(100)),
    }),
  ),
});

export const readTick = (data: unknown) => readShape<Tick>(tick, data);
export const readControl = (data: unknown) => readShape<{ kind: DemoCommand }>(control, data);
export const readSnapshot = (data: unknown) =>
  readShape(snapshot, data) as InstanceSnapshot | undefined;
