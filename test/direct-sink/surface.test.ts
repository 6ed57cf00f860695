import { startDemo } from "../support/demo-app.ts";
import { testHttpSurface } from "../http-surface/suite.ts";

// `next start` writes directly (see fast-path.test.ts); this is the same through the web stream.
testHttpSurface("the demo under next start, web sink", async () => {
  const app = await startDemo({ env: { SSE_BUS_OPEN_PUBLISH: "1", SSE_BUS_SINK: "web" } });
  return {
    streamUrl: `${app.url}/api/sse`,
    publishUrl: `${app.url}/api/publish`,
    healthUrl: `${app.url}/api/health`,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
});
