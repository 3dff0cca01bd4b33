/** A command line split into words as a POSIX shell does it, without expansions: what Compose does to `command: "…"`. */
import type { Parsed } from './quantity.ts';

/** Words of a command line. Fails on a quote that is never closed. */
export function shellWords(text: string): Parsed<readonly string[]> {
  const words: string[] = [];
  let word = '';
  let inWord = false;
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!;
    if (quote === "'") {
      if (character === "'") quote = '';
      else word += character;
    } else if (character === '\\' && (quote === '' || '"\\$`\n'.includes(text[index + 1] ?? ''))) {
      index++;
      // A backslash at the end of a line joins it to the next one.
      if (text[index] === '\n') continue;
      word += text[index] ?? '\\';
      inWord = true;
    } else if (quote === '"') {
      if (character === '"') quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      inWord = true;
    } else if (/\s/.test(character)) {
      if (inWord) words.push(word);
      word = '';
      inWord = false;
    } else {
      word += character;
      inWord = true;
    }
  }
  if (quote !== '') return { ok: false, message: `the quote ${quote} is never closed`, hint: 'close it, or write the command as a list' };
  if (inWord) words.push(word);
  return { ok: true, value: words };
}
