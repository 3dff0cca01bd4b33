/** Base64 (RFC 4648, section 4) without any platform API: the core names none. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 61; // '='
const CODES: Uint8Array = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const INVALID = 255;
const VALUES: Uint8Array = new Uint8Array(256).fill(INVALID);
for (let i = 0; i < CODES.length; i++) VALUES[CODES[i]!] = i;

/** Characters are made in pieces, because a call takes a bounded number of arguments. */
const PIECE = 8192;

/** Bytes whose values are below 128, as a string. */
export function asciiToString(codes: Uint8Array): string {
  if (codes.length <= PIECE) return String.fromCharCode.apply(null, codes as unknown as number[]);
  let text = '';
  for (let i = 0; i < codes.length; i += PIECE)
    text += String.fromCharCode.apply(null, codes.subarray(i, i + PIECE) as unknown as number[]);
  return text;
}

/** Bytes as base64 with padding. */
export function toBase64(data: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(data.length / 3) * 4);
  let at = 0;
  let i = 0;
  for (; i + 2 < data.length; i += 3) {
    const word = (data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!;
    out[at++] = CODES[word >> 18]!;
    out[at++] = CODES[(word >> 12) & 63]!;
    out[at++] = CODES[(word >> 6) & 63]!;
    out[at++] = CODES[word & 63]!;
  }
  const rest = data.length - i;
  if (rest > 0) {
    const word = (data[i]! << 16) | (rest === 2 ? data[i + 1]! << 8 : 0);
    out[at++] = CODES[word >> 18]!;
    out[at++] = CODES[(word >> 12) & 63]!;
    out[at++] = rest === 2 ? CODES[(word >> 6) & 63]! : PAD;
    out[at++] = PAD;
  }
  return asciiToString(out);
}

/** Bytes of a base64 text; undefined unless it is the one canonical spelling that `toBase64` gives. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const length = text.length;
  if (length % 4 !== 0) return undefined;
  const padding = length === 0 ? 0 : text.charCodeAt(length - 1) !== PAD ? 0 : text.charCodeAt(length - 2) !== PAD ? 1 : 2;
  const data = new Uint8Array((length / 4) * 3 - padding);
  const digits = length - padding;
  let at = 0;
  let word = 0;
  for (let i = 0; i < digits; i++) {
    const code = text.charCodeAt(i);
    const value = code < 256 ? VALUES[code]! : INVALID;
    if (value === INVALID) return undefined;
    word = (word << 6) | value;
    if ((i & 3) === 3) {
      data[at++] = (word >> 16) & 255;
      data[at++] = (word >> 8) & 255;
      data[at++] = word & 255;
      word = 0;
    }
  }
  if (padding === 1) {
    if ((word & 3) !== 0) return undefined;
    data[at++] = (word >> 10) & 255;
    data[at++] = (word >> 2) & 255;
  } else if (padding === 2) {
    if ((word & 15) !== 0) return undefined;
    data[at++] = (word >> 4) & 255;
  }
  return data;
}
