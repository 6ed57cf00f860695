export { createStreams, type StreamsOptions } from "./create-streams.ts";
export type { StreamContent, StreamSource } from "./source.ts";
export type { StreamLimits } from "./streams-options.ts";
export type { StreamBody, Streams, StreamStatus } from "./streams-types.ts";
