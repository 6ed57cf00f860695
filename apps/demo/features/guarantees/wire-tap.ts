/** A control event of a stream, or its end. */
export interface WireEvent {
  event: "hello" | "gap" | "bye" | "end";
  data: Record<string, unknown>;
}

const block = /(?:^|\n)event: (hello|gap|bye)\ndata: (.*)$/;

/** A `fetch` that reports the control events of a stream. The client still receives every byte. */
export function tapped(report: (wire: WireEvent) => void): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.ok || !response.body) return response;
    const source = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const { value, done } = await source.read();
            if (done) {
              report({ event: "end", data: {} });
              controller.close();
              return;
            }
            const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
            rest = blocks.pop() as string;
            for (const one of blocks) read(one);
            controller.enqueue(value);
          } catch (error) {
            if (init?.signal?.aborted !== true) report({ event: "end", data: {} });
            controller.error(error);
          }
        },
        cancel: (reason) => source.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    return new Response(body, response);
  };

  function read(text: string): void {
    const found = block.exec(text);
    if (!found) return;
    const [, event, data] = found as unknown as [string, "hello" | "gap" | "bye", string];
    report({ event, data: JSON.parse(data) as Record<string, unknown> });
  }
}
