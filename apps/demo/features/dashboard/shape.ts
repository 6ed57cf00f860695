import * as v from "valibot";
import { amount, count, moment, name, readShape } from "../../lib/shape";
import { type AskedRate, type PublishedReading, rates } from "./feed";

export const reading = v.object({
  id: name,
  value: amount,
  run: moment,
  count,
}) satisfies v.GenericSchema<unknown, PublishedReading>;

export const askedRate = v.object({
  perSecond: v.picklist(rates),
}) satisfies v.GenericSchema<unknown, AskedRate>;

export const readReading = (data: unknown) => readShape<PublishedReading>(reading, data);
export const readRate = (data: unknown) => readShape<AskedRate>(askedRate, data);
