import { useEffect, useState } from "react";
import { LiveChart } from "@/components/ui/live-chart";
import type { Board } from "./board";
import type { Sensor } from "./feed";
import { formatValue } from "./format-value";

const intervalMs = 250;
const windowMs = 10_000;

interface Points {
  times: readonly number[];
  values: readonly number[];
}

const none: Points = { times: [], values: [] };

/** One sensor's last ten seconds. */
export function SelectedChart({ board, sensor }: { board: Board; sensor: Sensor }) {
  const { id, name, unit } = sensor;
  const [{ times, values }, setPoints] = useState(none);

  useEffect(() => {
    const read = () => {
      const one = board.series.get(id);
      setPoints(one ? { times: [...one.times], values: [...one.values] } : none);
    };
    read();
    const timer = setInterval(read, intervalMs);
    return () => clearInterval(timer);
  }, [board, id]);

  return (
    <LiveChart
      label={`${name}, the last ten seconds`}
      times={times}
      lines={[{ label: name, values, tone: "accent" }]}
      format={(value) => formatValue(value, unit)}
      fromZero={unit === "%" || unit === "ms"}
      windowMs={windowMs}
      height={220}
    />
  );
}
