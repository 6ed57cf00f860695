import { useEffect, useState } from "react";
import type { LiveSnapshot } from "sse-bus";
import { useLive } from "sse-bus/react";
import { askForRate } from "@/app/actions/dashboard";
import { choiceClass } from "@/components/ui/field";
import { type CurrentRate, type Rate, rates } from "./feed";
import { rate } from "./live";

/** The replay's rate, which all windows share. */
export function RateChoice({ snapshot }: { snapshot: LiveSnapshot<CurrentRate> }) {
  const { perSecond, until } = useLive(rate, snapshot).data;
  const [lapsed, setLapsed] = useState<number>();
  const [refusal, setRefusal] = useState<string>();
  const shown = until === lapsed ? rates[0] : perSecond;
  const ask = (asked: Rate) =>
    void askForRate(asked).then(setRefusal, () =>
      setRefusal("The server could not be reached. Try again."),
    );

  useEffect(() => {
    // An old request expires immediately.
    const timer = setTimeout(() => setLapsed(until), Math.max(0, until - Date.now()));
    return () => clearTimeout(timer);
  }, [until]);

  return (
    <fieldset className="flex flex-wrap items-center gap-x-5 border-b border-line bg-sunken px-4 py-1 text-sm sm:px-5">
      <legend className="sr-only">Updates per second, for everyone</legend>
      <span aria-hidden="true" className="basis-full pt-1.5 text-muted sm:basis-auto sm:pt-0">
        Updates per second, for everyone:
      </span>
      {rates.map((one) => (
        <label key={one} className={`tabular-nums ${choiceClass}`}>
          <input
            type="radio"
            name="rate"
            value={one}
            className="size-4 accent-accent"
            checked={one === shown}
            onChange={() => ask(one)}
          />
          {one.toLocaleString("en")}
        </label>
      ))}
      {refusal !== undefined && <span className="text-bad">{refusal}</span>}
    </fieldset>
  );
}
