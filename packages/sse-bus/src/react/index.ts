export { useSse } from "./context.ts";
export type { Register } from "./register.ts";
export { SseProvider, type SseProviderProps } from "./sse-provider.ts";
export {
  type ChannelResult,
  type KeepOptions,
  type LatestOptions,
  type ReduceOptions,
  useChannel,
} from "./use-channel.ts";
export { useSseStatus } from "./use-sse-status.ts";
