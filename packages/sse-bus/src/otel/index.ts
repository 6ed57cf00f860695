/**
 * OpenTelemetry tracing of a bus.
 *
 * @module
 */

export { traced, type TracedOptions } from "./traced.ts";
