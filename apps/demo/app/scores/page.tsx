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
import { lookAt } from "@/lib/while-watched";
import page from "./page.tsx?raw";

export const metadata: Metadata = { title: "Scores" };

export default function Page() {
  return (
    <>
      <PageIntro title="The same second on every screen">
        A match and a race, simulated on the server while somebody looks. Their clocks run by the
        server’s, whatever the one of this device says.
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
        The whole state of the match is one message with a <Code>key</Code>, so the newest is all
        that a newcomer needs, and all that another instance needs to go on when the one that
        simulates goes away. A referee’s decision is a message as well; the state names the last one
        that is in it, so none is lost or counted twice. No clock ticks through the network: a
        message says when a clock was started, and each page runs on from there by the server’s
        time, which it reads from the fastest of the last messages.
      </HowItWorks>
    </>
  );
}

/** As high as the board, which never changes its height: what stands below does not move either. */
function BoardPlace() {
  return (
    <div className="h-[1658px] rounded-xl border border-line bg-surface sm:h-[1610px] md:h-[1586px] lg:h-[1042px]" />
  );
}

// #region how
async function Board() {
  await connection();
  lookAt("scores/");
  const cursor = await bus.cursor();
  const [match, race] = await Promise.all([loadMatch(), loadRace()]);
  return <ScoresBoard match={match} race={race} cursor={cursor} renderedAt={Date.now()} />;
}
// #endregion
