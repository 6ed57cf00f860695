/** A network between a client and its server that fails as proxies do. */
export interface BadNetwork {
  readonly fetch: typeof globalThis.fetch;
  /** What happens to the next requests. */
  mode: NetworkMode;
}

/**
 * - `clear`: nothing
 * - `buffers`: a response arrives when it is complete
 * - `holds`: its head arrives at once, its body when it is complete
 * - `blocks`: a request for a stream gets no answer; one for a page does
 * - `{ lifeMs }`: every request is cut after this time, with its response
 */
export type NetworkMode = "clear" | "buffers" | "holds" | "blocks" | { readonly lifeMs: number };

export function createBadNetwork(inner: typeof globalThis.fetch): BadNetwork {
  const network: BadNetwork = {
    mode: "clear",
    async fetch(input, init = {}) {
      const { mode } = network;
      const isPage = new URL(input instanceof Request ? input.url : input).searchParams.has("wait");
      if (mode === "clear" || (mode === "blocks" && isPage)) return inner(input, init);
      const abort = new AbortController();
      const { signal } = abort;
      init.signal?.addEventListener("abort", () => abort.abort(init.signal?.reason));
      if (mode === "blocks") return untilAbort(new Promise<never>(() => {}), signal);
      if (typeof mode === "object") {
        const cut = new TypeError("The network has cut it");
        setTimeout(() => abort.abort(cut), mode.lifeMs).unref();
      }
      const response = await untilAbort(inner(input, { ...init, signal }), signal);
      const { status, headers } = response;
      if (!response.body || typeof mode === "object") return response;
      const whole = untilAbort(response.arrayBuffer(), signal);
      const body = mode === "buffers" ? await whole : streamOf(whole);
      return new Response(body, { status, headers });
    },
  };
  return network;
}

/** A body that arrives in one piece. */
function streamOf(whole: Promise<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(new Uint8Array(await whole));
      controller.close();
    },
  });
}

async function untilAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    signal.addEventListener("abort", fail, { once: true });
    promise.then(resolve, reject);
  });
}
