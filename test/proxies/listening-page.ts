import { publishTo, startHub } from "../hub/hub-process.ts";
import { serveClientPage } from "../support/client-page.ts";
import { quantile } from "../support/quantile.ts";
import type { TestBrowser } from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

/** What the page of `client-page.ts` has kept. */
interface PageWindow {
  readonly heard: readonly { readonly number: number }[];
  readonly delays: readonly number[];
  readonly gaps: readonly unknown[];
  readonly connections: readonly PageConnection[];
}

interface PageConnection {
  readonly status: string;
  readonly transport?: "stream" | "poll";
  readonly at: number;
}

/** A hub, and its page. A proxy belongs in front of `port`. */
export async function startHubAndPage() {
  const hub = await startHub();
  const page = await serveClientPage(hub.port);
  return {
    port: page.port,
    hub,
    async [Symbol.asyncDispose]() {
      await page[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

export type HubAndPage = Awaited<ReturnType<typeof startHubAndPage>>;

/** A page that listens through a proxy, while the hub publishes. */
export async function openListeningPage(browser: TestBrowser, url: string, { hub }: HubAndPage) {
  const tab = await browser.open(url);
  let published = 0;

  const connections = async (): Promise<PageConnection[]> =>
    tab.evaluate(() => [...(globalThis as unknown as PageWindow).connections], null);

  const publishOne = async (): Promise<void> => {
    await publishTo(hub, { number: published++, at: Date.now() }, "news");
  };

  return {
    connections,
    /** Resolves when the page is open with this transport. Returns how long that took. */
    async until(transport: "stream" | "poll", timeoutMs: number): Promise<number> {
      const start = performance.now();
      await waitFor(
        `the page to use a ${transport}`,
        async () => (await connections()).at(-1)?.transport === transport,
        { timeoutMs, everyMs: 100 },
      );
      return performance.now() - start;
    },
    /** Publishes for a time, a message every `everyMs`. */
    async publishFor(ms: number, everyMs = 50): Promise<void> {
      const end = performance.now() + ms;
      while (performance.now() < end) {
        await publishOne();
        await new Promise((resolve) => setTimeout(resolve, everyMs));
      }
    },
    /** Waits for all messages. Throws if one is lost, repeated or out of order. */
    async result(): Promise<{ count: number; p50: number; p99: number; max: number }> {
      await waitFor("all messages", async () => {
        const count = await tab.evaluate(
          () => (globalThis as unknown as PageWindow).heard.length,
          null,
        );
        return count >= published;
      });
      const { numbers, delays, gaps } = await tab.evaluate(() => {
        const page = globalThis as unknown as PageWindow;
        const numbers = page.heard.map(({ number }) => number);
        return { numbers, delays: [...page.delays], gaps: [...page.gaps] };
      }, null);
      const wrong = numbers.findIndex((number, index) => number !== index);
      if (wrong >= 0 || numbers.length !== published || gaps.length > 0) {
        const near = JSON.stringify(numbers.slice(Math.max(0, wrong - 3), wrong + 3));
        throw new Error(
          `Of ${published} messages ${numbers.length} came, with ${gaps.length} gaps: …${near}…`,
        );
      }
      const at = (share: number): number => quantile(delays, share);
      return { count: published, p50: at(0.5), p99: at(0.99), max: at(1) };
    },
    [Symbol.asyncDispose]: async () => tab[Symbol.asyncDispose](),
  };
}
