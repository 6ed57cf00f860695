export type {
  Backend,
  BackendHost,
  BackendStatus,
  Feed,
  History,
  Pending,
  NewMessage,
  Stored,
  TopicSubscription,
} from "./core/backend.ts";
export { createBus } from "./core/bus.ts";
export type {
  Bus,
  BusOptions,
  BusStats,
  ChannelHandle,
  Listener,
  Message,
  MessageOf,
  PendingPublish,
  Published,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
} from "./core/bus-types.ts";
export { topicCovers } from "./core/channel-name.ts";
export { decodeChannelSegment, encodeChannelSegment } from "./core/channel-segment.ts";
export { isSseBusError, SseBusError, type SseBusErrorCode } from "./core/errors.ts";
export { drainStreams } from "./http/drain.ts";
export type { FastPath, FastPathState, FastPathStates } from "./http/fast-paths.ts";
export type { HistoryLimits, HistoryOptions } from "./core/history.ts";
export {
  type BusSnapshot,
  type ChannelSnapshot,
  type ConnectionSnapshot,
  inspectBus,
  type InspectOptions,
} from "./http/inspect.ts";
export type { Jsonify } from "./core/jsonify.ts";
export {
  pollingBackend,
  type PollingBackendOptions,
  type SharedLog,
} from "./core/polling-backend.ts";
export { memoryBackend } from "./core/memory-backend.ts";
export { createMessage, type LogMessage, type MessageContent } from "./core/message.ts";
export type { Gap, GapReason } from "./core/packet.ts";
export type { Cursor, Position } from "./core/position.ts";
export type { Schemas, StandardSchema } from "./core/schema.ts";
export { sharedBus, type SharedBusOptions } from "./core/shared-bus.ts";
export type {
  AnyChannels,
  ChannelMap,
  ChannelName,
  ChannelsOf,
  DataOf,
  EventName,
  EventsOf,
  ReceivedOf,
  TopicName,
} from "./core/types.ts";
