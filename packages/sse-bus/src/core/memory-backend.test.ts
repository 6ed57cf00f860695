import { test } from "vitest";
import { testBackend } from "../testing/test-backend.ts";
import type { Backend, TopicSubscription } from "./backend.ts";
import { memoryBackend } from "./memory-backend.ts";

// It has neither a server nor a network: their tests do not apply.
testBackend({ test, createLog: () => memoryBackend(), connect: (log) => instanceOn(log) });

/**
 * One memory backend serves several buses, as one server does several processes. It does not know
 * which bus a subscription belongs to, so each bus ends its own before it closes the backend, as done here.
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
