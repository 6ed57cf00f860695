/** Nobody is let in by an empty one. */
export function inspectorToken(): string | undefined {
  return process.env.SSE_BUS_INSPECTOR_TOKEN || undefined;
}

/** Whether there is an inspector at all on this server. */
export function isInspectable(): boolean {
  return process.env.NODE_ENV === "development" || inspectorToken() !== undefined;
}
