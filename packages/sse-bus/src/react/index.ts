/**
 * React hooks over the browser's client.
 *
 * @module
 */

export type { PresenceMember } from "../client/presence-types.ts";
export type { Register } from "../core/register.ts";
export { useSse } from "./context.ts";
export { SseProvider, type SseProviderProps } from "./sse-provider.ts";
export type { ChannelResult } from "./channel-result.ts";
export {
  type KeepOptions,
  type LatestOptions,
  type ReduceOptions,
  useChannel,
} from "./use-channel.ts";
export { type LiveValue, useLive, type UseLiveOptions } from "./use-live.ts";
export { type PresenceResult, usePresence, type UsePresenceOptions } from "./use-presence.ts";
export { type RefreshOptions, useRefresh } from "./use-refresh.ts";
export { type ServerTimeOptions, useServerTime } from "./use-server-time.ts";
export { useSseStatus } from "./use-sse-status.ts";
export { type TaskResult, useTask, type UseTaskOptions } from "./use-task.ts";
export { type TasksResult, useTasks, type UseTasksOptions } from "./use-tasks.ts";
