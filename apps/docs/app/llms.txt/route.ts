import { llmsIndex } from "@/lib/llms.ts";

export const dynamic = "force-static";

export function GET(): Response {
  return new Response(llmsIndex());
}
