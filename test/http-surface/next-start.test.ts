import { startExample } from "../support/example-app.ts";
import { testHttpSurface } from "./suite.ts";

testHttpSurface("the example app under next start", async () => {
  const app = await startExample({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  return {
    streamUrl: `${app.url}/api/sse`,
    publishUrl: `${app.url}/api/publish`,
    healthUrl: `${app.url}/api/health`,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
});
