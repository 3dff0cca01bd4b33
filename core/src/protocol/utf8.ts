/** UTF-8 (RFC 3629) without any platform API, quick for ASCII, strict when reading. */
import { asciiToString } from './base64.ts';

/** Bytes of a text in UTF-8. A lone surrogate counts as U+FFFD, which is what is written for it. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) length += 1;
    else if (code >= 0xd800 && code < 0xdc00 && isLow(text.charCodeAt(i + 1))) {
      length += 2; // two units, four bytes
      i += 1;
    } else length += 2;
  }
  return length;
}

const isLow = (code: number): boolean => code >= 0xdc00 && code < 0xe000;

/** Writes a text at `at`; `out` must have `utf8Length(text)` bytes left. @returns the position after it. */
export function writeUtf8(text: string, out: Uint8Array, at: number): number {
  let to = at;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      out[to++] = code;
      continue;
    }
    if (code < 0x800) {
      out[to++] = 0xc0 | (code >> 6);
      out[to++] = 0x80 | (code & 63);
      continue;
    }
    if (code >= 0xd800 && code < 0xe000) {
      const low = text.charCodeAt(i + 1);
      if (code < 0xdc00 && isLow(low)) {
        const point = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        out[to++] = 0xf0 | (point >> 18);
        out[to++] = 0x80 | ((point >> 12) & 63);
        out[to++] = 0x80 | ((point >> 6) & 63);
        out[to++] = 0x80 | (point & 63);
        i += 1;
        continue;
      }
      code = 0xfffd;
    }
    out[to++] = 0xe0 | (code >> 12);
    out[to++] = 0x80 | ((code >> 6) & 63);
    out[to++] = 0x80 | (code & 63);
  }
  return to;
}

/** A text as UTF-8 bytes. */
export function toUtf8(text: string): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(utf8Length(text));
  writeUtf8(text, out, 0);
  return out;
}

/** One code point above ASCII at `at`, or -1 when the bytes there are not well-formed (too short, too long a form, a surrogate). */
function codePoint(data: Uint8Array, at: number): number {
  const first = data[at]!;
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > data.length) return -1;
  let point = first & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    const next = data[at + i]!;
    if ((next & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (next & 63);
  }
  const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return -1;
  return point;
}

/** The text of UTF-8 bytes; undefined when they are not well-formed. */
export function fromUtf8(data: Uint8Array): string | undefined {
  let ascii = 0;
  while (ascii < data.length && data[ascii]! < 0x80) ascii++;
  if (ascii === data.length) return asciiToString(data);
  const units = new Uint16Array(data.length);
  let count = 0;
  for (let at = 0; at < data.length; ) {
    const byte = data[at]!;
    if (byte < 0x80) {
      units[count++] = byte;
      at += 1;
      continue;
    }
    const point = codePoint(data, at);
    if (point < 0) return undefined;
    if (point >= 0x10000) {
      units[count++] = 0xd800 + ((point - 0x10000) >> 10);
      units[count++] = 0xdc00 + ((point - 0x10000) & 0x3ff);
      at += 4;
    } else {
      units[count++] = point;
      at += point < 0x800 ? 2 : 3;
    }
  }
  let text = '';
  for (let i = 0; i < count; i += 8192)
    text += String.fromCharCode.apply(null, units.subarray(i, Math.min(i + 8192, count)) as unknown as number[]);
  return text;
}
