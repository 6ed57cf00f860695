/**
 * For your own tests: a real bus in the test's process, streams to read, and the suite that every backend passes.
 *
 * @module
 */

export type { BackendTestOptions } from "./backend/options.ts";
export type { FakeRequest } from "./fake-request.ts";
export {
  createFakeStream,
  type FakeHello,
  type FakeMessage,
  type FakeRefusal,
  type FakeStream,
  type FakeStreamOptions,
} from "./fake-stream.ts";
export {
  type EventReader,
  readEvents,
  type ReadEventsOptions,
  type StreamEvent,
  type WantedEvent,
} from "./read-events.ts";
export { testBackend } from "./test-backend.ts";
export { createTestBus, type TestBus, type TestBusOptions } from "./test-bus.ts";
export { waitForStatus, type WaitForStatusOptions } from "./wait-for-status.ts";
