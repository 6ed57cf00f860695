import { type ComponentProps, type ReactNode, Suspense } from "react";
import { HowItWorks } from "@/components/site/how-it-works";
import { PageIntro } from "@/components/ui/page-intro";

interface UsePageProps extends Pick<ComponentProps<typeof HowItWorks>, "excerpts"> {
  title: string;
  intro: ReactNode;
  /** The text above the excerpts. */
  how: ReactNode;
  /** Classes that reserve the height of the content, so that nothing moves when it loads. */
  place: string;
  /** What waits for the request. */
  children: ReactNode;
}

/** The page of one use: what it is, the live part, and how it works. */
export function UsePage({ title, intro, how, excerpts, place, children }: UsePageProps) {
  return (
    <>
      <PageIntro title={title}>{intro}</PageIntro>
      <Suspense fallback={<div className={`${place} rounded-xl border border-line bg-surface`} />}>
        {children}
      </Suspense>
      <HowItWorks excerpts={excerpts}>{how}</HowItWorks>
    </>
  );
}
