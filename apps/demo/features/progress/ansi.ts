/** A part of a line with one style. */
export interface StyledText {
  text: string;
  /** One of the eight colours of terminals, bright or not. */
  colour?: AnsiColour;
  bold?: boolean;
  dim?: boolean;
}

const colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
export type AnsiColour = (typeof colours)[number];

// oxlint-disable-next-line no-control-regex -- the escape character is what it looks for
const escapes = /\u001B(?:\[([\d;:?]*)([@-~])|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\-_])/g;

/** Parses the SGR codes of ECMA-48: colours, bold, dim. Drops other codes, such as cursor movements. */
export function parseAnsi(line: string): StyledText[] {
  const parts: StyledText[] = [];
  let look: Omit<StyledText, "text"> = {};
  let end = 0;
  for (const match of line.matchAll(escapes)) {
    const [all, parameters = "", final] = match;
    if (match.index > end) parts.push({ ...look, text: line.slice(end, match.index) });
    if (final === "m") look = restyle(look, parameters.split(";").map(Number));
    end = match.index + all.length;
  }
  if (end < line.length) parts.push({ ...look, text: line.slice(end) });
  return parts;
}

function restyle(look: Omit<StyledText, "text">, codes: readonly number[]) {
  let { colour, bold, dim } = look;
  for (const [index, code] of codes.entries()) {
    // The rest are the parts of a 256-colour or true-colour code, which is not supported.
    if (code === 38 || code === 48) return styleOf(colour, bold, dim);
    if (code === 0) colour = bold = dim = undefined;
    else if (code === 1) bold = true;
    else if (code === 2) dim = true;
    else if (code === 22) bold = dim = undefined;
    else if (code === 39) colour = undefined;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) colour = colours[code % 10];
    else if (Number.isNaN(code) && index === 0) colour = bold = dim = undefined;
  }
  return styleOf(colour, bold, dim);
}

function styleOf(colour?: AnsiColour, bold?: boolean, dim?: boolean): Omit<StyledText, "text"> {
  return { ...(colour && { colour }), ...(bold && { bold }), ...(dim && { dim }) };
}
