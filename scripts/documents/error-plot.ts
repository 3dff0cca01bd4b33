// A plot of errors as SVG text: one line per metric, one dot per check, placed by its error in tolerances.

export interface ErrorRow {
  readonly name: string;
  /** Errors in tolerances: -1 … 1 is within. */
  readonly errors: readonly number[];
}

const WIDTH = 760;
const LEFT = 170;
const RIGHT = 60;
const ROW = 26;
const TOP = 46;
/** Errors beyond this are drawn at the edge. */
const RANGE = 2;

const x = (error: number): number => LEFT + ((Math.max(-RANGE, Math.min(RANGE, error)) + RANGE) / (2 * RANGE)) * (WIDTH - LEFT - RIGHT);
const at = (value: number): string => value.toFixed(1);

/** Dots at nearly the same place are stacked, so that their number shows. */
function dots(errors: readonly number[], y: number): string {
  const stacked = new Map<number, number>();
  return [...errors]
    .sort((a, b) => a - b)
    .map((error) => {
      const place = Math.round(x(error) / 5) * 5;
      const level = stacked.get(place) ?? 0;
      stacked.set(place, level + 1);
      const offset = (level % 2 === 0 ? -1 : 1) * Math.ceil(level / 2) * 3;
      const kind = Math.abs(error) <= 1 ? 'in' : 'out';
      return `<circle class="${kind}" cx="${at(x(error))}" cy="${at(y + Math.max(-9, Math.min(9, offset)))}" r="2.6"/>`;
    })
    .join('');
}

/** The plot. @param title – what the picture says, for those who do not see it */
export function errorPlot(title: string, rows: readonly ErrorRow[]): string {
  const height = TOP + rows.length * ROW + 34;
  const bottom = TOP + rows.length * ROW;
  const ticks = [-2, -1, 0, 1, 2];
  const lines = rows.map(({ name, errors }, index) => {
    const y = TOP + index * ROW + ROW / 2;
    const within = errors.filter((error) => Math.abs(error) <= 1).length;
    return `<text x="${LEFT - 10}" y="${at(y + 4)}" text-anchor="end">${name}</text>${dots(errors, y)}<text x="${WIDTH - RIGHT + 8}" y="${at(y + 4)}">${within}/${errors.length}</text>`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    '<style>svg{font:12px sans-serif;background:#fff}text{fill:#333}.band{fill:#e3f1e7}.grid{stroke:#bbb;stroke-width:.6}.in{fill:#1f7a4d;fill-opacity:.6}.out{fill:#b3261e}</style>',
    `<text x="${LEFT}" y="20">error of the simulation, in tolerances of the measurement</text>`,
    `<rect class="band" x="${at(x(-1))}" y="${TOP}" width="${at(x(1) - x(-1))}" height="${rows.length * ROW}"/>`,
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${at(x(tick))}" y1="${TOP}" x2="${at(x(tick))}" y2="${bottom}"/><text x="${at(x(tick))}" y="${bottom + 16}" text-anchor="middle">${tick > 0 ? '+' : ''}${tick}</text>`,
    ),
    ...lines,
    '</svg>',
  ].join('\n')}\n`;
}
