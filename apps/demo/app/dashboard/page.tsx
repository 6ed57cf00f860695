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
      title="Forty sensors, up to 2,000 updates per second"
      intro={
        <>
          A replay of a busy Linux machine’s counters, and two live sensors of this server. A page
          that falls behind receives each sensor’s newest value, never the backlog.
        </>
      }
      place="h-480"
      excerpts={[
        { file: "features/dashboard/live.ts", source: live },
        { file: "features/dashboard/server.ts", source: server },
        { file: "app/dashboard/page.tsx", source: page, region: "page" },
        { file: "features/dashboard/reader.tsx", source: reader },
        { file: "features/background.ts", source: background, region: "demand" },
      ]}
      how={
        <>
          Every reading carries its sensor as <Code>key</Code>, so a newer reading supersedes the
          older one: a page that is behind skips superseded readings.{" "}
          <Code>readings.read(bus)</Code> gives each sensor’s newest reading and the cursor that
          they are valid at, and the page continues from there. There, a reading costs a few
          assignments; changes are painted once per frame. With <Code>whileSubscribed</Code>, one
          instance publishes, and only while a page is open.
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
