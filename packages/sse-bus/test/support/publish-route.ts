import { createBus } from "../../src/core/bus.ts";
import type { Bus, BusOptions } from "../../src/core/bus-types.ts";
import { createPublishHandler } from "../../src/http/publish-handler.ts";
import type { PublishEnv, PublishRouteOptions } from "../../src/http/publish-options.ts";
import { routeContext } from "../../src/http/route-context.ts";
import { closeHandlerForms, type HandlerForm } from "./handler-forms.ts";

export interface PublishSetting extends PublishRouteOptions {
  /** @default development */
  readonly env?: PublishEnv;
  readonly bus?: BusOptions;
  /** The client's address. A function can change it from request to request. */
  readonly ip?: string | (() => string);
  readonly trustedProxies?: number;
}

export const PUBLISH_URL = "http://localhost/api/publish";

const buses: Bus[] = [];

/** A publish route in one of its forms, and requests to it. */
export function openPublishRoute(form: HandlerForm, setting: PublishSetting = {}) {
  const { env, bus: busOptions, ip, trustedProxies = 0, ...options } = setting;
  const bus = createBus(busOptions);
  buses.push(bus);
  const access = { env: () => env ?? { NODE_ENV: "development" } };
  const handle = form(createPublishHandler(routeContext(bus), options, access), {
    socketIp: typeof ip === "function" ? ip : () => ip,
    trustedProxies,
  });
  const get = (query: string, headers: Record<string, string> = {}) =>
    handle(new Request(PUBLISH_URL + query, { headers }));
  const post = (body: BodyInit, headers: Record<string, string> = {}) =>
    handle(
      new Request(PUBLISH_URL, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json", ...headers },
      }),
    );
  return { bus, handle, get, post };
}

/** Closes what {@link openPublishRoute} has opened. */
export async function closePublishRoutes(): Promise<void> {
  closeHandlerForms();
  await Promise.all(buses.splice(0).map(async (bus) => bus.close()));
}
