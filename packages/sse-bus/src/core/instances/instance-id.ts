import { createEpoch } from "../position.ts";

const INSTANCE_ID = /^[0-9a-z]{16}$/;

/** A name that no other instance has: 16 characters of base 36. */
export function createInstanceId(): string {
  return createEpoch() + createEpoch();
}

/** Whether a value from the log is an instance's id. */
export function isInstanceId(value: unknown): value is string {
  return typeof value === "string" && INSTANCE_ID.test(value);
}
