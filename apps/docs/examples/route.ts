import { createSseRoute } from "sse-bus/next";
import { bus } from "@/lib/sse-bus";

export const { GET, HEAD, OPTIONS } = createSseRoute({ bus });
