import { simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";

type StreamResult = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>;
type Part = StreamResult["stream"] extends ReadableStream<infer Part> ? Part : never;

/**
 * Always gives the same answer to a question, word by word.
 *
 * @param wordMs the time between two words. @default about the pace of a large model
 */
export function mockModel(wordMs = 45): MockLanguageModelV4 {
  return new MockLanguageModelV4({
    modelId: "mock",
    doStream: async ({ prompt }) => {
      const last = prompt.at(-1);
      const parts = last?.role === "user" ? last.content : [];
      const question = parts.map((part) => (part.type === "text" ? part.text : "")).join("");
      return {
        stream: simulateReadableStream({ chunks: chunksOf(question), chunkDelayInMs: wordMs }),
      };
    },
  });
}

function chunksOf(question: string): Part[] {
  const id = "answer";
  const words = answerTo(question).split(/(?<=\s)(?=\S)/);
  const none = undefined;
  return [
    { type: "stream-start", warnings: [] },
    { type: "text-start", id },
    ...words.map((delta) => ({ type: "text-delta" as const, id, delta })),
    { type: "text-end", id },
    {
      type: "finish",
      finishReason: { unified: "stop", raw: none },
      usage: {
        inputTokens: { total: none, noCache: none, cacheRead: none, cacheWrite: none },
        outputTokens: { total: words.length, text: words.length, reasoning: none },
      },
    },
  ];
}

const answers: readonly (readonly [RegExp, string])[] = [
  [
    /reload|refresh|survive|tab|close/i,
    "The server writes every part of this answer to a log before anybody reads it. Your page is only one of its readers: it holds a cursor, and nothing else.\n\nWhen you reload, the new page asks whether an answer is running. If one is, the server sends it from its first word, and then whatever follows. The model never notices: it was asked once, and it answers once.\n\nA closed tab is nothing special, either. The answer continues without a reader, is complete after a few seconds, and is here when you return.",
  ],
  [
    /stop|cancel|abort/i,
    "Leaving is not stopping. A closed tab, a lost connection or a reload only takes a reader away, so the answer continues.\n\nThe Stop button sends a request of its own. The instance that receives it need not be the one that runs the model: the order travels on the log, the instance that has the model aborts it, and every window ends with the same last word.\n\nWhat was written until then stays in the conversation. Press Stop now to see it.",
  ],
  [
    /.*/s,
    "This is a mock model. It runs inside this server, needs no account, and always gives the same answer, word by word, at about the pace of a large model.\n\nThe stream that you are reading is real. Its parts are joined into a few messages of a log, which every instance of the server can read. That is why you can reload this page now and keep reading, open a second window and see the same words appear, or stop the answer from there.\n\nThe page uses the hook useChat of the AI SDK without any change. On the server there are three short routes, no table of active streams, and no second queue.",
  ],
];

function answerTo(question: string): string {
  const count = Number(/\bcount to (\d{1,4})\b/i.exec(question)?.[1]);
  if (count) return Array.from({ length: count }, (_, index) => index + 1).join(" ");
  const [, answer = ""] = answers.find(([topic]) => topic.test(question)) ?? [];
  return answer;
}
