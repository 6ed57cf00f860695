// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { SseProvider } from "sse-bus/react";
import { createTestBus } from "sse-bus/testing";
import { expect, test } from "vitest";
import { LikeButton } from "./like-button.tsx";
import { likes } from "./likes.ts";

test("a click counts in the page that the server has rendered", async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  await using server = createTestBus();
  const like = async (): Promise<void> => {
    await server.bus.publish({ by: 1 }, { channel: "likes" });
  };
  await like();
  const place = document.createElement("div");
  const root = createRoot(place);
  const snapshot = await likes.read(server.bus);
  await act(async () =>
    root.render(
      <SseProvider url={server.url} fetch={server.fetch}>
        <LikeButton snapshot={snapshot} like={like} />
      </SseProvider>,
    ),
  );
  const text = async (): Promise<string | null> => {
    await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
    return place.textContent;
  };
  await expect.poll(text).toBe("1 likes");
  await act(async () => place.querySelector("button")?.click());
  await expect.poll(text).toBe("2 likes");
  await act(async () => root.unmount());
});
