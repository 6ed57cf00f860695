import { createSseRoute } from "sse-bus/next";
import { bus } from "@/lib/orders";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = createSseRoute({ bus });
