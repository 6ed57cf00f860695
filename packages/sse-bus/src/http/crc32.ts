/**
 * The checksum of gzip (RFC 1952 §8), which can be combined: that of two parts follows from the checksums of
 * both and the length of the second one. So the bytes of a packet are read once, not once for each stream.
 * All values are signed, as V8 keeps these without an object.
 */
const POLYNOMIAL = 0xedb88320 | 0;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = timesX(value);
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return ~crc;
}

/** What a part of this length does to the checksum of everything before it; see {@link combineCrc}. */
export function shiftOf(length: number): number {
  let shift = ONE;
  let power = X_8;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(power, shift);
    power = multiply(power, power);
  }
  return shift;
}

/** The checksum of two parts: `shift` is {@link shiftOf} the length of the second one, `crc` its checksum. */
export function combineCrc(
  before: number,
  { crc, shift }: { readonly crc: number; readonly shift: number },
): number {
  return multiply(shift, before) ^ crc;
}

/** The polynomials 1 and x⁸; the highest bit is the coefficient of x⁰. */
const ONE = 1 << 31;
const X_8 = 1 << 23;

/** The product of two polynomials, modulo that of the checksum. */
function multiply(one: number, other: number): number {
  let product = 0;
  let factor = other;
  for (let rest = one; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= factor;
    factor = timesX(factor);
  }
  return product;
}

function timesX(value: number): number {
  return value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
}
