import { startDemo } from "../support/demo-app.ts";
import { testHttpSurface } from "./suite.ts";

testHttpSurface("the demo under next start", async () => {
  const app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1" } });
  return {
    streamUrl: `${app.url}/api/sse`,
    publishUrl: `${app.url}/api/publish`,
    healthUrl: `${app.url}/api/health`,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
});
