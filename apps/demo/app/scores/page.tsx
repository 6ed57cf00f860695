import type { Metadata } from "next";
import { connection } from "next/server";
import { Suspense } from "react";
import { HowItWorks } from "@/components/site/how-it-works";
import { Code } from "@/components/ui/code";
import { PageIntro } from "@/components/ui/page-intro";
import { ScoresBoard } from "@/features/scores/scores-board";
import scoresBoard from "@/features/scores/scores-board.tsx?raw";
import { loadMatch, loadRace } from "@/features/scores/server";
import server from "@/features/scores/server.ts?raw";
import { bus } from "@/lib/sse-bus";
import { expectReaders } from "@/lib/while-watched";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Scores" };

export default function Page() {
  return (
    <>
      <PageIntro title="The same time on every screen">
        A match and a race, simulated on the server while this page is open. Their clocks follow the
        server’s clock, not this device’s.
      </PageIntro>
      <Suspense fallback={<BoardPlace />}>
        <Board />
      </Suspense>
      <HowItWorks
        excerpts={[
          { file: "features/scores/server.ts", source: server, region: "publish" },
          { file: "features/scores/server.ts", source: server, region: "takeover" },
          { file: "app/scores/page.tsx", source: page },
          { file: "features/scores/scores-board.tsx", source: scoresBoard, region: "subscribe" },
        ]}
      >
        The whole state of the match is one message with a <Code>key</Code>, so a new page needs
        only the newest one, and so does an instance that takes the simulation over. A referee’s
        decision is a message as well; the state names the last decision it includes, so none is
        lost or counted twice. No clock ticks through the network: a message says when a clock was
        started, and each page continues from there by the server’s time, which it estimates from
        the fastest of the last messages.
      </HowItWorks>
    </>
  );
}

/** Reserves the board's fixed height, so that nothing moves when the board loads. */
function BoardPlace() {
  return (
    <div className="h-[1658px] rounded-xl border border-line bg-surface sm:h-[1610px] md:h-[1586px] lg:h-[1042px]" />
  );
}

// #region how
async function Board() {
  await connection();
  expectReaders("scores/");
  const cursor = await bus.cursor();
  const [match, race] = await Promise.all([loadMatch(), loadRace()]);
  return <ScoresBoard match={match} race={race} cursor={cursor} renderedAt={Date.now()} />;
}
// #endregion
