import { buildVariant } from "../support/example-variant.ts";
import { testBehindProxy } from "./behind-proxy.ts";

testBehindProxy("a Next app that rewrites to another, compression on", {
  async start(port) {
    const destination = `http://127.0.0.1:${port}/api/:path*`;
    // Rewrites are part of the build.
    const front = await buildVariant({ rewrites: [{ source: "/api/:path*", destination }] });
    const server = await front.start();
    return {
      url: server.url,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await front[Symbol.asyncDispose]();
      },
    };
  },
});
