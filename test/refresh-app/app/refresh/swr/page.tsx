import { Suspense } from "react";
import { Orders } from "./orders";

export default function Page() {
  return (
    <Suspense fallback="Loading …">
      <Orders />
    </Suspense>
  );
}
