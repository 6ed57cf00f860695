import * as v from "valibot";
import { amount, count, moment, name } from "../../lib/shape";
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
