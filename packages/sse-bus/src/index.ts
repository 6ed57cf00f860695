/**
 * The bus, on the server: publish, subscribe, history, live values and presence.
 *
 * @module
 */

export type {
  Backend,
  BackendHost,
  BackendStatus,
  ChannelPage,
  Feed,
  History,
  Pending,
  NewMessage,
  NotStored,
  Outcome,
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
  OutgoingMessage,
  PendingPublish,
  Published,
  PublishManyOptions,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
} from "./core/bus-types.ts";
export { topicCovers } from "./core/channel-name.ts";
export { decodeChannelSegment, encodeChannelSegment } from "./core/channel-segment.ts";
export type { DataSnapshot, ReadSnapshot } from "./core/data-snapshot.ts";
export type { DisconnectOptions, DisconnectTarget } from "./core/disconnect-target.ts";
export {
  isSseBusError,
  SseBusError,
  type SseBusErrorCode,
  type StoredInBatch,
} from "./core/errors.ts";
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
export type {
  RunWhileSubscribed,
  WhileSubscribed,
  WhileSubscribedOptions,
  WhileSubscribedRun,
} from "./core/instances/while-subscribed-types.ts";
export type { Jsonify } from "./core/jsonify.ts";
export type { LiveMessage, LiveSnapshot, LiveValidator } from "./core/live/live-types.ts";
export {
  defineLive,
  type Live,
  type LiveOptions,
  type ReadyLiveOptions,
} from "./live/define-live.ts";
export type { LiveEntry, ReadyReducer, ReadyValue } from "./live/ready-reducer.ts";
export {
  counters,
  lastMessages,
  newestByKey,
  type NewestByKeyOptions,
  newestValue,
} from "./live/reducers.ts";
export {
  pollingBackend,
  type PollingBackendOptions,
  type SharedLog,
} from "./core/polling-backend.ts";
export type {
  BusPresence,
  ChannelPresence,
  PresenceChange,
  PresenceListener,
} from "./core/presence/presence-types.ts";
export type { Member } from "./core/presence/member.ts";
export { memoryBackend } from "./core/memory-backend.ts";
export { createMessage, type LogMessage, type MessageContent } from "./core/message.ts";
export type { Gap, GapReason } from "./core/packet.ts";
export type { Cursor, Position } from "./core/position.ts";
export type { Schemas, StandardSchema } from "./core/schema.ts";
export type { Register } from "./core/register.ts";
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
