import { test } from "vitest";
import { testBackend } from "../testing/test-backend.ts";
import type { Backend, TopicSubscription } from "./backend.ts";
import { memoryBackend } from "./memory-backend.ts";

// It has no server to lose and no network to be cut off from: the tests of these do not apply.
testBackend({ test, createLog: () => memoryBackend(), connect: (log) => instanceOn(log) });

/**
 * One memory backend serves several buses, as one server does several processes. It cannot tell
 * whose a subscription is, so each bus ends its own before it closes the backend, as done here.
 */
function instanceOn(log: Backend): Backend {
  const subscriptions: TopicSubscription[] = [];
  let closing: Promise<void> | undefined;
  return {
    ...log,
    async subscribe(topic, feed) {
      const subscription = await log.subscribe(topic, feed);
      subscriptions.push(subscription);
      return subscription;
    },
    async close() {
      for (const subscription of subscriptions) subscription.close();
      closing ??= log.close();
      return closing;
    },
  };
}
