import { createPresenceRoute } from "sse-bus/next";
import { bus } from "@/lib/sse-bus";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createPresenceRoute({ bus });
