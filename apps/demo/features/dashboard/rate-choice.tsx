import { useEffect, useState } from "react";
import type { Message } from "sse-bus";
import { useChannel } from "sse-bus/react";
import { askForRate } from "@/app/actions/dashboard";
import { type AskedRate, type Rate, rateChannel, rateLastsMs, rates } from "./feed";
import { readRate } from "./shape";

interface AskedAt extends AskedRate {
  time: number;
}

/** The replay's rate, which all windows share. */
export function RateChoice() {
  const { data } = useChannel(rateChannel, {
    cursor: "latest",
    initial: undefined as AskedAt | undefined,
    reduce: (known, data: unknown, { time }: Message) => {
      const asked = readRate(data);
      return asked ? { ...asked, time } : known;
    },
  });
  const [lapsed, setLapsed] = useState<number>();
  const [refusal, setRefusal] = useState<string>();
  const shown = data && data.time !== lapsed ? data.perSecond : rates[0];
  const ask = (rate: Rate) =>
    void askForRate(rate).then(setRefusal, () =>
      setRefusal("The server could not be reached. Try again."),
    );

  const askedAt = data?.time;
  useEffect(() => {
    if (askedAt === undefined) return undefined;
    // An old request expires immediately.
    const leftMs = Math.max(0, askedAt + rateLastsMs - Date.now());
    const timer = setTimeout(() => setLapsed(askedAt), leftMs);
    return () => clearTimeout(timer);
  }, [askedAt]);

  return (
    <fieldset className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line bg-sunken px-4 py-2.5 text-sm sm:px-5">
      <legend className="sr-only">Updates per second, for everyone</legend>
      <span aria-hidden="true" className="text-muted">
        Updates per second, for everyone:
      </span>
      {rates.map((rate) => (
        <label key={rate} className="flex items-center gap-1.5 tabular-nums">
          <input
            type="radio"
            name="rate"
            value={rate}
            className="size-4 accent-accent"
            checked={rate === shown}
            onChange={() => ask(rate)}
          />
          {rate.toLocaleString("en")}
        </label>
      ))}
      {refusal !== undefined && <span className="text-bad">{refusal}</span>}
    </fieldset>
  );
}
