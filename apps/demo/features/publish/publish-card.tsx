import { headers } from "next/headers";
import { connection } from "next/server";
import { isPublishingOpen } from "sse-bus/next";
import { buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Code, Command } from "@/components/ui/code";
import { PublishBox } from "./publish-box";

const trigger = "/api/publish?msg=HelloWorld";

/** The form or, when publishing is closed, how to open it. */
export async function PublishCard() {
  // At request time, because the build's environment may differ from the server's.
  await connection();
  if (!isPublishingOpen()) return <PublishingClosed />;
  return (
    <Card title="Publish">
      <div className="p-4 sm:p-5">
        <PublishBox />
      </div>
    </Card>
  );
}

/** How to publish without this page, when publishing is open. */
export async function TriggerCard() {
  await connection();
  if (!isPublishingOpen()) return null;
  return (
    <Card title="From a terminal or another tab">
      <div className="grid grid-cols-1 gap-3 p-4 sm:p-5">
        <Command>{`curl "${await requestOrigin()}${trigger}"`}</Command>
        <a href={trigger} target="_blank" rel="noreferrer" className={buttonClass()}>
          Open the trigger in a new tab
          <span aria-hidden="true">↗</span>
        </a>
      </div>
    </Card>
  );
}

/** Reserves the height of `PublishCard`, so that nothing moves when it loads. */
export function PublishCardPlace() {
  return (
    <Card title="Publish">
      <div aria-hidden="true" className="h-33 sm:h-35" />
    </Card>
  );
}

function PublishingClosed() {
  return (
    <Card title="Publish">
      <div className="grid gap-3 p-4 text-sm/6 sm:p-5">
        <p>Publishing is closed on this production server.</p>
        <p className="text-muted">
          Set <Code>SSE_BUS_OPEN_PUBLISH=1</Code> to let everyone publish, or{" "}
          <Code>SSE_BUS_PUBLISH_TOKEN</Code> to require a token.
        </p>
      </div>
    </Card>
  );
}

/** The origin that the visitor uses. Next sets these headers when no proxy does. */
async function requestOrigin(): Promise<string> {
  const sent = await headers();
  const host = sent.get("x-forwarded-host") ?? sent.get("host") ?? "localhost:3000";
  return `${sent.get("x-forwarded-proto") ?? "http"}://${host}`;
}
