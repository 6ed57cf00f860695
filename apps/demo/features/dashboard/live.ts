import { defineLive, newestByKey } from "sse-bus";
import { type CurrentRate, rateLastsMs, rates } from "./feed";
import { askedRate, reading } from "./shape";

/** Each sensor's newest reading, by id. */
export const readings = defineLive({
  channel: "dashboard/readings",
  reduce: newestByKey("id", { max: 100 }),
  validate: reading,
});

const usual: CurrentRate = { perSecond: rates[0], until: 0 };

/** The rate that a visitor asked for last. */
export const rate = defineLive({
  channel: "dashboard/rate",
  initial: usual,
  reduce: (_, { perSecond }, { time }) => ({ perSecond, until: time + rateLastsMs }),
  validate: askedRate,
});
