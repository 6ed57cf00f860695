import { simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";

const none = undefined;
const usage = {
  inputTokens: { total: none, noCache: none, cacheRead: none, cacheWrite: none },
  outputTokens: { total: none, text: none, reasoning: none },
};

/** In an application: a model of a provider, such as "openai/gpt-6-luna". */
export const model = new MockLanguageModelV4({
  doStream: async () => ({
    stream: simulateReadableStream({
      chunkDelayInMs: 20,
      chunks: [
        { type: "text-start", id: "t" },
        ...["Every ", "reader ", "is ", "a ", "cursor."].map((delta) => ({
          type: "text-delta" as const,
          id: "t",
          delta,
        })),
        { type: "text-end", id: "t" },
        { type: "finish", finishReason: { unified: "stop", raw: none }, usage },
      ],
    }),
  }),
});
