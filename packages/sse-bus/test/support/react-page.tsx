import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { vi } from "vitest";

/** Enough time for a busy machine. */
export const WAIT = { timeout: 10_000 };

/** What a test shows. Push roots that it makes itself. */
export const roots: Root[] = [];

/** Shows something on a page of its own. */
export async function show(element: ReactNode): Promise<HTMLElement> {
  const place = document.createElement("div");
  const root = createRoot(place);
  roots.push(root);
  await act(async () => root.render(element));
  return place;
}

/** Removes what {@link roots} show. */
export async function unmountAll(): Promise<void> {
  await act(async () => roots.forEach((root) => root.unmount()));
  roots.length = 0;
}

/** Does something, and waits until React has rendered the result. */
export async function settle(run?: () => unknown): Promise<void> {
  await act(async () => {
    await run?.();
    // Longer than the client collects what is subscribed before it asks.
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

/** Waits until the page shows it. */
export async function until(holds: () => void): Promise<void> {
  await vi.waitFor(async () => {
    await settle();
    holds();
  }, WAIT);
}
