// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { SseProvider } from "sse-bus/react";
import { createTestBus } from "sse-bus/testing";
import { expect, test, vi } from "vitest";
import { board, type Goal } from "./board.ts";
import { Score } from "./score.tsx";

test("the score of the server continues in the page", async () => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  await using server = createTestBus();
  const score = (team: Goal["team"]) => server.bus.publish({ team }, { channel: "goals" });
  await score("home");
  const snapshot = await board.read(server.bus);
  expect(snapshot.value).toEqual({ home: 1, away: 0 });
  await score("away");

  const place = document.createElement("div");
  const root = createRoot(place);
  await act(async () =>
    root.render(
      <SseProvider url={server.url} fetch={server.fetch}>
        <Score snapshot={snapshot} />
      </SseProvider>,
    ),
  );
  await vi.waitFor(async () => {
    await act(async () => new Promise((resolve) => setTimeout(resolve, 5)));
    expect(place.innerHTML).toBe('<p data-live="true">1 : 1</p>');
  });
  await act(async () => root.unmount());
});
