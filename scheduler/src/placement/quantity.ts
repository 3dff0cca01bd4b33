/** Quantities as people write them, for explanations. */

/** CPU: `500m`, `2` (cores); finer than a thousandth as `120500µ`. */
export function cpuText(nano: number): string {
  const value = Math.max(0, nano);
  if (value % 1e9 === 0) return String(value / 1e9);
  if (value % 1e6 === 0) return `${value / 1e6}m`;
  return `${Math.floor(value / 1e3)}µ`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes in the largest binary unit that keeps at least 1, one decimal at most, rounded down: `1.5GiB`. */
export function bytesText(count: number): string {
  let value = Math.max(0, count);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Math.floor(value * 10) / 10}${UNITS[unit] ?? 'B'}`;
}
