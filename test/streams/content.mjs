/** What the source of a seed gives: pieces of text or bytes, and how long it waits before each. */
export function contentOf(seed) {
  const random = createRandom(seed);
  const count = 5 + random(60);
  const isBinary = random(4) === 0;
  // Some sources are fast and large, most are as slow as a model.
  const [maxWait, maxSize] = random(5) === 0 ? [1, 20_000] : [25, 60];
  return Array.from({ length: count }, () => {
    const size = 1 + random(maxSize);
    const data = isBinary ? bytesOf(size, random) : textOf(size, random);
    return { waitMs: random(maxWait), data };
  });
}

const ALPHABET = ["a", "b", " ", "\n", '"', "\\", "é", "€", "😀", "\u0000", "data: "];

function textOf(size, random) {
  return Array.from({ length: size }, () => ALPHABET[random(ALPHABET.length)]).join("");
}

function bytesOf(size, random) {
  return Uint8Array.from({ length: size }, () => random(256));
}

function createRandom(seed) {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    const mixed = (state ^ (state >>> 13)) >>> 0;
    return mixed % below;
  };
}
