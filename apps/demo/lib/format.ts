const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** `12.3 MB`, in thousands as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}

/** `12:34:56.789`, in UTC: a server and its visitors rarely live in one time zone. */
export function formatClock(time: number): string {
  return new Date(time).toISOString().slice(11, 23);
}
