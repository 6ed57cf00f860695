import { createSseRoute } from "sse-bus/next";
import { mayInspect, notThere } from "@/features/inspector/access";
import { snapshots } from "@/features/inspector/server";

const route = createSseRoute({ bus: snapshots });

export async function GET(request: Request): Promise<Response> {
  return (await mayInspect()) ? route.GET(request) : notThere();
}
