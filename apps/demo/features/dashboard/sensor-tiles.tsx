import { memo, useEffect, useRef } from "react";
import type { Board } from "./board";
import type { Sensor } from "./feed";
import { formatChange, formatValue } from "./format-value";
import { paintTiles, type Tile } from "./paint";

interface SensorTilesProps {
  sensors: readonly Sensor[];
  board: Board;
  selected: string;
  onSelect: (id: string) => void;
  onPainter: (painter: { frames: () => number }) => void;
}

/** One tile per sensor. React renders them once; then `paintTiles` updates them. */
export const SensorTiles = memo(function SensorTiles(props: SensorTilesProps) {
  const { sensors, board, selected, onSelect, onPainter } = props;
  const list = useRef<HTMLUListElement>(null);

  useEffect(() => {
    const elements = [...(list.current?.querySelectorAll("li") ?? [])];
    const painter = paintTiles(
      board,
      elements.map((element, index) => tileOf(element, sensors[index] as Sensor)),
    );
    onPainter(painter);
    return painter.end;
  }, [board, sensors, onPainter]);

  return (
    <ul
      ref={list}
      aria-label="Sensors"
      className="grid grid-cols-2 gap-px overflow-hidden rounded-xl border border-line bg-line sm:grid-cols-4 lg:grid-cols-5"
    >
      {sensors.map(({ id, name, unit, source }) => (
        <li key={id} data-sensor={id} className="bg-surface">
          <button
            type="button"
            aria-pressed={id === selected}
            onClick={() => onSelect(id)}
            className="block w-full cursor-pointer p-3 text-left -outline-offset-2 hover:bg-sunken aria-pressed:bg-accent-soft"
          >
            <span className="block truncate text-xs text-muted">
              {name}
              {source === "live" && <span className="font-medium text-ink"> · live</span>}
            </span>
            <span className="mt-1 flex items-baseline gap-1.5 font-semibold tabular-nums">
              <span data-part="change" aria-hidden="true" className="w-3.5 shrink-0 text-xs">
                {formatChange(0)}
              </span>
              <span data-part="value" className="truncate" suppressHydrationWarning>
                {formatValue(board.series.get(id)?.value, unit)}
              </span>
            </span>
            <canvas aria-hidden="true" className="mt-1.5 block h-8 w-full" />
          </button>
        </li>
      ))}
    </ul>
  );
});

function tileOf(element: HTMLElement, sensor: Sensor): Tile {
  const part = (name: string) => element.querySelector(`[data-part=${name}]`) as HTMLElement;
  return {
    sensor,
    value: part("value"),
    change: part("change"),
    spark: element.querySelector("canvas") as HTMLCanvasElement,
  };
}
