import type { Metadata } from "next";
import Link from "next/link";
import { buttonClass } from "@/components/ui/button";
import { NoticePage } from "@/components/ui/notice-page";

export const metadata: Metadata = { title: "Not found" };

export default function NotFound() {
  return (
    <NoticePage title="Page not found">
      <p className="text-muted">Check the address.</p>
      <Link href="/" className={buttonClass()}>
        Open the live log
      </Link>
    </NoticePage>
  );
}
