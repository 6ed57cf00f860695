import type { LanguageModel } from "ai";
import { mockModel } from "./mock-model";

/** A model of the AI Gateway if its key is in the environment; otherwise one that needs no network and no account. */
export const model: LanguageModel = process.env.AI_GATEWAY_API_KEY
  ? (process.env.SSE_BUS_CHAT_MODEL ?? "openai/gpt-6-luna")
  : mockModel();

export const isMock = typeof model !== "string";
