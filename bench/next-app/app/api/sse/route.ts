import { createSseRoute } from "sse-bus/next";
import { stream } from "@/lib/stream";

export const { GET, HEAD } = createSseRoute(stream);
