/**
 * Durable streams of text and bytes, which continue after a reload and on any instance.
 *
 * @module
 */

export { createStreams, type StreamsOptions } from "./create-streams.ts";
export type { StreamContent, StreamSource } from "./source.ts";
export type { StreamLimits } from "./streams-options.ts";
export type { StreamBody, Streams, StreamStatus } from "./streams-types.ts";
