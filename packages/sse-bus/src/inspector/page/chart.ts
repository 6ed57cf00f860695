/** A line of the last minute. The text beside it says what it shows. */
export interface Chart {
  readonly element: SVGSVGElement;
  update(values: readonly (number | undefined)[]): void;
}

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 60;
const HEIGHT = 20;

export function createChart(): Chart {
  const element = part("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
  element.setAttribute("aria-hidden", "true");
  const line = part("path");
  const base = part("line", { x1: "0", x2: `${WIDTH}`, y1: `${HEIGHT}`, y2: `${HEIGHT}` });
  element.append(base, line);
  return {
    element,
    update(values) {
      const top = Math.max(1e-9, ...values.map((value) => value ?? 0));
      const first = WIDTH - values.length + 1;
      let path = "";
      let isDrawing = false;
      for (const [index, value] of values.entries()) {
        if (value !== undefined) {
          const y = HEIGHT - (value / top) * (HEIGHT - 2);
          path += `${isDrawing ? "L" : "M"}${first + index} ${y.toFixed(2)}`;
        }
        isDrawing = value !== undefined;
      }
      line.setAttribute("d", path);
    },
  };
}

function part<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
