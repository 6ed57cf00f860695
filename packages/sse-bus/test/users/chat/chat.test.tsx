// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { SseProvider } from "sse-bus/react";
import { createTestBus } from "sse-bus/testing";
import { afterEach, expect, test, vi } from "vitest";
import { chat } from "./lib/chat.ts";
import { bus } from "./lib/sse-bus.ts";
import { POST, saved } from "./route.ts";
import { useFollowedChat } from "./use-followed-chat.ts";

const id = "anna-1";

afterEach(() => vi.unstubAllGlobals());

/** The routes as Next.js serves them, for the user Anna. */
async function serve(input: string, init: RequestInit): Promise<Response> {
  const request = new Request(new URL(input, "http://app.test"), {
    ...init,
    headers: { "x-user": "anna" },
  });
  if (init.method === "POST" && !input.endsWith("/stop")) return POST(request);
  const params = { id: input.split("/")[3] as string };
  return input.endsWith("/stop")
    ? chat.stop(request, { params })
    : chat.resume(request, { params });
}

function Chat({ cursor }: { cursor: string }) {
  const { messages, status, sendMessage } = useFollowedChat(id, [], cursor);
  const texts = messages.map(({ parts }) =>
    parts.map((part) => (part.type === "text" ? part.text : "")).join(""),
  );
  return (
    <>
      <p>{texts.join(" | ")}</p>
      <b>{status}</b>
      <button
        type="button"
        aria-label="Ask"
        onClick={() => void sendMessage({ text: "What is it?" })}
      />
    </>
  );
}

test("two tabs that are open show the same question and the same answer, from one run of the model", async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  vi.stubGlobal("fetch", serve);
  await using server = createTestBus({ bus });
  const cursor = await bus.cursor();
  const tabs = [document.createElement("div"), document.createElement("div")];
  const roots = tabs.map((tab) => createRoot(tab));
  await act(async () => {
    for (const root of roots) {
      root.render(
        <SseProvider url={server.url} fetch={server.fetch}>
          <Chat cursor={cursor} />
        </SseProvider>,
      );
    }
  });
  await act(async () => tabs[0]?.querySelector("button")?.click());
  await vi.waitFor(async () => {
    await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
    for (const tab of tabs) {
      expect(tab.textContent).toBe("What is it? | Every reader is a cursor.ready");
    }
  });
  // A page that loads during the answer shows its question.
  const [question, answered] = saved.map((messages) => messages.map(({ role }) => role));
  expect(question).toEqual(["user"]);
  expect(answered).toEqual(["user", "assistant"]);
  expect(saved).toHaveLength(2);
  await act(async () => {
    for (const root of roots) root.unmount();
  });
});

test("somebody else cannot read the chat", async () => {
  const request = new Request("http://app.test/", { headers: { "x-user": "eve" } });
  expect((await chat.resume(request, { params: { id } })).status).toBe(403);
});
