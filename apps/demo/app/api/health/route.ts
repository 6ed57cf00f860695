import { createHealthRoute } from "sse-bus/next";
import { bus } from "@/lib/sse-bus";

export const { GET } = createHealthRoute({ bus });
