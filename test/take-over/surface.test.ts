import { testHttpSurface } from "../http-surface/suite.ts";
import { startTaken } from "./take-over-app.ts";

testHttpSurface("the app under next start, its streams taken over", async () => {
  const app = await startTaken("next start");
  return {
    streamUrl: `${app.url}/api/sse`,
    publishUrl: `${app.url}/api/publish`,
    healthUrl: `${app.url}/api/health`,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
});
