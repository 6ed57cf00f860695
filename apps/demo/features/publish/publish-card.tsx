import { headers } from "next/headers";
import { connection } from "next/server";
import { isPublishingOpen } from "sse-bus/next";
import { buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Code, Command } from "@/components/ui/code";
import { PublishBox } from "./publish-box";

const trigger = "/api/publish?msg=HelloWorld";

/** The ways to publish, or, in a production that keeps them closed, how to open them. */
export async function PublishCard() {
  // Asked for each request: the environment of the build says nothing about the server's.
  await connection();
  if (!isPublishingOpen()) return <PublishingClosed />;

  return (
    <Card title="Publish">
      <div className="p-4 sm:p-5">
        <PublishBox />
      </div>
      <div className="grid grid-cols-1 gap-3 border-t border-line p-4 sm:p-5">
        <h3 className="text-sm font-medium">From anywhere else</h3>
        <Command>{`curl "${await requestOrigin()}${trigger}"`}</Command>
        <a href={trigger} target="_blank" rel="noreferrer" className={buttonClass()}>
          Open the trigger in a new tab
          <span aria-hidden="true">↗</span>
        </a>
      </div>
    </Card>
  );
}

/** Holds the card's place while the server decides: nothing below it moves when it comes. */
export function PublishCardPlace() {
  return (
    <Card title="Publish">
      <div aria-hidden="true" className="h-82" />
    </Card>
  );
}

function PublishingClosed() {
  return (
    <Card title="Publish">
      <div className="grid gap-3 p-4 text-sm/6 sm:p-5">
        <p>Publishing is closed: this is a production server.</p>
        <p className="text-muted">
          Start it with <Code>SSE_BUS_OPEN_PUBLISH=1</Code> to let everybody publish, or with{" "}
          <Code>SSE_BUS_PUBLISH_TOKEN</Code> to let those publish who send that token.
        </p>
      </div>
    </Card>
  );
}

/** Where the visitor sees this server, proxies considered. Next sets what no proxy has set. */
async function requestOrigin(): Promise<string> {
  const sent = await headers();
  const host = sent.get("x-forwarded-host") ?? sent.get("host") ?? "localhost:3000";
  return `${sent.get("x-forwarded-proto") ?? "http"}://${host}`;
}
