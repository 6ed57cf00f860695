import { startProxy } from "./proxy.ts";
import type { Restartable } from "./restartable.ts";

export interface NginxOptions {
  /** The HTTP version for the upstream. The default of nginx was 1.0 until 1.29.7. @default "1.0" */
  readonly httpVersion?: "1.0" | "1.1";
  /** Lines added to the `location` block. */
  readonly location?: string;
}

/**
 * Starts nginx as most people run it: `proxy_pass` and nothing else, so it speaks HTTP/1.0 to the
 * upstream and buffers responses; gzip is on, for event streams too. Several upstream ports alternate.
 */
export async function startNginx(
  upstream: number | readonly number[],
  options: NginxOptions = {},
): Promise<Restartable> {
  const ports = typeof upstream === "number" ? [upstream] : upstream;
  return startNginxHttp(
    (port) => `
        gzip on;
        gzip_proxied any;
        gzip_types text/event-stream application/json;
        upstream app {
          ${ports.map((each) => `server 127.0.0.1:${each};`).join(" ")}
        }
        server {
          listen 127.0.0.1:${port};
          location / {
            proxy_http_version ${options.httpVersion ?? "1.0"};
            proxy_pass http://app;
            ${options.location ?? ""}
          }
        }`,
  );
}

/** Starts nginx with these directives in its `http` block. */
export async function startNginxHttp(http: (port: number) => string): Promise<Restartable> {
  return startProxy({
    program: "nginx",
    config: ({ port, folder }) => `
      daemon off;
      pid ${folder}/nginx.pid;
      error_log stderr;
      events { worker_connections 4096; }
      http {
        access_log off;
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        ${http(port)}
      }
    `,
    args: ({ folder, file }) => ["-p", folder, "-c", file, "-e", "stderr"],
  });
}
