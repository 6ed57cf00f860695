import type { InstanceReport } from "./instance-report.ts";

/**
 * Checks a report from the log, to which other programs can write: every field that the inspector reads has its type,
 * and no text is longer than what an instance reports. `undefined` for anything else, and for a report of another
 * version of the package that has other fields.
 */
export function readReport(data: unknown): InstanceReport | undefined {
  return isReport(data) ? (data as InstanceReport) : undefined;
}

type Check = (value: unknown) => boolean;

const MAX_TEXT = 2000;
const MAX_ITEMS = 200;

const isNumber: Check = (value) => Number.isFinite(value);
const isBoolean: Check = (value) => typeof value === "boolean";
const isText: Check = (value) => typeof value === "string" && value.length <= MAX_TEXT;
const isCursor: Check = (value) => value === null || isText(value);

function either(...checks: readonly Check[]): Check {
  return (value) => checks.some((check) => check(value));
}

const isAbsent: Check = (value) => value === undefined;

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.length <= MAX_ITEMS && value.every(check);
}

/** How many there are, and some of them. */
function listed(check: Check): Check {
  return object({ total: isNumber, listed: listOf(check) });
}

function recordOf(check: Check): Check {
  return (value) => isObject(value) && Object.keys(value).every(isText) && values(value, check);
}

function values(value: object, check: Check): boolean {
  const all: unknown[] = Object.values(value);
  return all.length <= MAX_ITEMS && all.every(check);
}

function object(fields: Readonly<Record<string, Check>>): Check {
  return (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(value[name]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const counts = recordOf(isNumber);

const isReport = object({
  instance: isText,
  time: isNumber,
  head: isCursor,
  process: object({
    host: isText,
    pid: isNumber,
    runtime: isText,
    version: isText,
    memoryBytes: isNumber,
    uptimeMs: isNumber,
  }),
  isDraining: isBoolean,
  stats: object({
    backend: isText,
    status: isText,
    listeners: isNumber,
    published: isNumber,
    delivered: isNumber,
    gaps: isNumber,
    stalls: isNumber,
    resumed: isNumber,
    resumedWithGap: isNumber,
  }),
  sinks: object({ direct: isNumber, web: isNumber }),
  traffic: object({ frames: isNumber, bytes: isNumber }),
  history: object({ bytes: isNumber, maxBytes: isNumber }),
  fastPaths: recordOf(object({ status: isText, reason: either(isAbsent, isText) })),
  ended: counts,
  refused: counts,
  limits: counts,
  connections: listed(
    object({
      id: isText,
      channels: listOf(isText),
      identity: either(isAbsent, object({ id: isText })),
      cursor: isCursor,
      lag: isNumber,
      ageMs: isNumber,
      sink: isText,
      bytes: isNumber,
    }),
  ),
  channels: listed(
    object({
      name: isText,
      readers: isNumber,
      subscribers: isNumber,
      received: isNumber,
      messages: isNumber,
      bytes: isNumber,
      horizon: isCursor,
    }),
  ),
  presence: listed(
    object({
      channel: isText,
      members: isNumber,
      shown: listOf(object({ id: isText, streams: isNumber })),
    }),
  ),
  tasks: listed(
    object({
      id: isText,
      owner: either(isAbsent, isText),
      title: either(isAbsent, isText),
      step: either(isAbsent, isText),
      done: either(isAbsent, isNumber),
      total: either(isAbsent, isNumber),
      startedAt: isNumber,
    }),
  ),
  streams: listed(object({ channel: isText, bytes: isNumber, startedAt: isNumber })),
});
