import { createPublishRoute } from "sse-bus/next";
import { stream } from "@/lib/stream";

export const { GET, POST } = createPublishRoute({ bus: stream.bus });
