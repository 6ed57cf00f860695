import type { Metadata } from "next";
import { connection } from "next/server";
import { UsePage } from "@/components/site/use-page";
import { Code } from "@/components/ui/code";
import background from "@/features/background.ts?raw";
import { Dashboard } from "@/features/dashboard/dashboard";
import { rate, readings } from "@/features/dashboard/live";
import live from "@/features/dashboard/live.ts?raw";
import reader from "@/features/dashboard/reader.tsx?raw";
import { sensors } from "@/features/dashboard/server";
import server from "@/features/dashboard/server.ts?raw";
import { bus } from "@/lib/sse-bus";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Dashboard" };

export default function Page() {
  return (
    <UsePage
      title="Watch forty sensors at up to 2,000 updates per second"
      intro={
        <>
          38 sensors replay the counters of a busy Linux machine; two measure this server. A page
          that is behind receives the newest value of each sensor, without the backlog.
        </>
      }
      place="h-[2878px] sm:h-[1778px] lg:h-[1463px]"
      excerpts={[
        { file: "features/dashboard/live.ts", source: live },
        { file: "features/dashboard/server.ts", source: server },
        { file: "app/dashboard/page.tsx", source: page, region: "page" },
        { file: "features/dashboard/reader.tsx", source: reader },
        { file: "features/background.ts", source: background, region: "demand" },
      ]}
      how={
        <>
          The server publishes every reading with its sensor as <Code>key</Code>, so a newer reading
          supersedes the older one, and a page that is behind skips the older one.{" "}
          <Code>readings.read(bus)</Code> returns each sensor’s newest reading and a cursor; the
          page continues from that cursor, and paints changes once per frame. With{" "}
          <Code>whileSubscribed</Code>, one instance publishes, and only while a page is open.
        </>
      }
    >
      <LiveDashboard />
    </UsePage>
  );
}

// #region how page
async function LiveDashboard() {
  await connection();
  const [newest, asked] = await Promise.all([readings.read(bus), rate.read(bus)]);
  return <Dashboard sensors={sensors} readings={newest} rate={asked} />;
}
// #endregion
