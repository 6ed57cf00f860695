import * as v from "valibot";
import { count, moment, readShape, text } from "../../lib/shape";
import { type BuildLine, type Job, jobKinds, jobStatuses, maxLineLength } from "./job";

const id = v.pipe(v.string(), v.uuid());

export const job = v.object({
  id,
  kind: v.picklist(jobKinds),
  title: text(200),
  status: v.picklist(jobStatuses),
  done: count,
  total: count,
  outcome: v.exactOptional(text(1_000)),
  startedAt: moment,
}) satisfies v.GenericSchema<unknown, Job>;

export const buildLine = v.object({
  job: id,
  text: text(maxLineLength),
}) satisfies v.GenericSchema<unknown, BuildLine>;

export const cancellation = v.object({ id });

export const readJob = (data: unknown) => readShape<Job>(job, data);
export const readBuildLine = (data: unknown) => readShape<BuildLine>(buildLine, data);
export const readCancellation = (data: unknown) => readShape<{ id: string }>(cancellation, data);
