import { Suspense } from "react";
import { Client } from "./client";
import { Orders } from "./orders";

export default function Page() {
  return (
    <Suspense fallback="Loading …">
      <Client>
        <Orders />
      </Client>
    </Suspense>
  );
}
