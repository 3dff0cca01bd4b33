/** Tables as docker and kubectl print them: a header in capitals, columns two spaces apart, nothing drawn. */

export interface Column<T> {
  readonly title: string;
  /** The cell's text without colour; its width counts. */
  readonly text: (row: T) => string;
  /** Colours the padded text. */
  readonly paint?: (padded: string, row: T) => string;
  readonly align?: 'right';
}

/** East Asian and emoji characters take two columns on terminals. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** Control characters in names or messages must not reach the terminal. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');

/** The lines of a table. */
export function tableLines<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map(({ title }, index) => cells.reduce((width, line) => Math.max(width, widthOf(line[index]!)), title.length));
  const pad = (text: string, index: number): string => {
    const space = ' '.repeat(Math.max(0, widths[index]! - widthOf(text)));
    return columns[index]!.align === 'right' ? space + text : text + space;
  };
  const header = columns.map(({ title }, index) => pad(title, index)).join('  ');
  const lines = rows.map((row, line) =>
    columns
      .map((column, index) => (column.paint ?? ((padded: string): string => padded))(pad(cells[line]![index]!, index), row))
      .join('  '),
  );
  return [header, ...lines].map((line) => line.trimEnd());
}
