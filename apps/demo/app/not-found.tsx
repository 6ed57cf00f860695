import type { Metadata } from "next";
import Link from "next/link";
import { buttonClass } from "@/components/ui/button";
import { NoticePage } from "@/components/ui/notice-page";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <NoticePage title="There is no such page">
      <p className="text-muted">The address is misspelt, or the page has gone.</p>
      <Link href="/" className={buttonClass()}>
        To the live log
      </Link>
    </NoticePage>
  );
}
