import { colourOf, onThemeChange } from "@/components/ui/canvas-colour";
import type { Board, Series } from "./board";
import type { Sensor } from "./feed";
import { formatChange, formatValue } from "./format-value";

/** The shortest interval between two paints of a tile. */
const tileMs = 100;
const calmTileMs = 1_000;
/** Bounds the work of one frame. */
const maxTilesPerFrame = 12;

export interface Tile {
  sensor: Sensor;
  value: HTMLElement;
  change: HTMLElement;
  spark: HTMLCanvasElement;
}

/** Paints changed tiles while the page is visible. Returns the frame counter and the function that stops it. */
export function paintTiles(board: Board, tiles: readonly Tile[]) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let colours = readColours();
  let frames = 0;
  let next = 0;
  let frame = requestAnimationFrame(paint);

  const sizes = new ResizeObserver(() => {
    for (const { spark } of tiles) fit(spark);
    repaint();
  });
  for (const { spark } of tiles) {
    fit(spark);
    sizes.observe(spark);
  }
  const endTheme = onThemeChange(() => {
    colours = readColours();
    repaint();
  });

  function repaint(): void {
    for (const one of board.series.values()) one.isDirty = true;
  }

  function paint(now: number): void {
    frame = requestAnimationFrame(paint);
    frames++;
    const everyMs = calm.matches ? calmTileMs : tileMs;
    let left = maxTilesPerFrame;
    for (let seen = 0; seen < tiles.length && left > 0; seen++) {
      const tile = tiles[next++ % tiles.length] as Tile;
      const series = board.series.get(tile.sensor.id) as Series;
      if (!series.isDirty || now - series.paintedAt < everyMs) continue;
      series.isDirty = false;
      series.paintedAt = now;
      paintTile(tile, series, colours);
      left--;
    }
  }

  return {
    frames: () => frames,
    end(): void {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      endTheme();
    },
  };
}

function paintTile({ sensor, value, change, spark }: Tile, series: Series, colours: Colours): void {
  value.textContent = formatValue(series.value, sensor.unit);
  change.textContent = formatChange(series.change);
  change.style.color = series.change < 0 ? colours.down : colours.up;
  drawSpark(spark, series.values, colours.line);
}

function drawSpark(canvas: HTMLCanvasElement, values: readonly number[], colour: string): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const inset = 2 * devicePixelRatio;
  context.clearRect(0, 0, width, height);
  context.beginPath();
  values.forEach((value, index) => {
    const x = width - (values.length - 1 - index) * (width / 99);
    const y = height - inset - ((value - low) / range) * (height - 2 * inset);
    context.lineTo(x, y);
  });
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * devicePixelRatio;
  context.lineJoin = "round";
  context.stroke();
}

function fit(canvas: HTMLCanvasElement): void {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
}

interface Colours {
  line: string;
  up: string;
  down: string;
}

function readColours(): Colours {
  return {
    line: colourOf("--color-accent"),
    up: colourOf("--color-good"),
    down: colourOf("--color-warn"),
  };
}
