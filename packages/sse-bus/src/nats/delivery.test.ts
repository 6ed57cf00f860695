import { expect, test } from "vitest";

import { toDelivery } from "./delivery.ts";

const message = { subject: "bus.c.a", data: new Uint8Array() };
const place = { seq: 7, count: 3, time: 1795397581603, pending: 42 };

test.each([
  ["a server of 2.9", "$JS.ACK.bus.consumer.1.7.3.1795397581603982186.42"],
  ["one in a domain", "$JS.ACK.hub.ACCHASH.bus.consumer.1.7.3.1795397581603982186.42"],
  ["one that adds a token", "$JS.ACK._.ACCHASH.bus.consumer.1.7.3.1795397581603982186.42.Zz09"],
])("a message's position is read from the acknowledgement subject of %s", (_, reply) => {
  expect(toDelivery({ ...message, reply })).toMatchObject(place);
});

test.each([undefined, "", "_INBOX.x", "$JS.FC.bus.x.y", "$JS.ACK.bus.consumer.1.7.3"])(
  "%s has no position",
  (reply) => {
    expect(toDelivery({ ...message, ...(reply !== undefined && { reply }) })).toBeUndefined();
  },
);
