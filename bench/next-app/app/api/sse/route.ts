import { createSseRoute } from "sse-bus/next";
import { bus } from "@/lib/bus";

export const { GET, HEAD } = createSseRoute({ bus, maxConnections: 100_000 });
