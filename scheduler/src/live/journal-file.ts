/** The journal as a file: one JSON line an entry, appended; inputs are synced before `append` returns. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  checkJournaledInput,
  checkRunHeader,
  type Journal,
  type JournalContents,
  type JournalEntry,
  type JournaledInput,
  PaperfleetError,
  type RunHeader,
  type TimeUs,
} from '@paperfleet/core';

export class JournalFile implements Journal {
  readonly #descriptor: number;

  /** Opens a journal for appending; a new one is begun with its header. */
  constructor(path: string, header: RunHeader | undefined) {
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = openSync(path, 'a', 0o600);
    if (header !== undefined) this.append([{ kind: 'header', header }], true);
  }

  append(entries: readonly JournalEntry[], durable: boolean): void {
    const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#descriptor, bytes, written);
    if (durable) fsyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/**
 * Reads a journal. A last line that was cut off by a crash was never acknowledged and is dropped; with `repair` the file is
 * cut there too, so that appending goes on behind a whole line.
 * @throws PaperfleetError PF_JOURNAL_MISSING, PF_JOURNAL_CORRUPT with file and line.
 */
export function readJournal(path: string, options: { readonly repair: boolean } = { repair: false }): JournalContents {
  if (!existsSync(path)) throw new PaperfleetError('PF_JOURNAL_MISSING', `${path}: no such journal`);
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n');
  const torn = lines.pop() ?? '';
  if (torn !== '' && options.repair) cut(path, Buffer.byteLength(text) - Buffer.byteLength(torn));
  let header: RunHeader | undefined;
  const inputs: JournaledInput[] = [];
  const digests: { at: TimeUs; digest: string }[] = [];
  let end = 0;
  for (const [index, line] of lines.entries()) {
    const entry = readEntry(line, `${path}:${index + 1}`);
    if (index === 0) {
      if (entry.kind !== 'header') throw corrupt(`${path}:1`, 'the first line is no header');
      header = entry.header;
    } else if (entry.kind === 'input') {
      inputs.push({ seq: entry.seq, at: entry.at, input: entry.input });
      if (entry.planned !== true) end = Math.max(end, entry.at + 1);
    } else if (entry.kind === 'mark') {
      end = Math.max(end, entry.at);
    } else if (entry.kind === 'digest') {
      digests.push({ at: entry.at, digest: entry.digest });
      end = Math.max(end, entry.at);
    } else {
      throw corrupt(`${path}:${index + 1}`, 'a second header');
    }
  }
  if (header === undefined) throw corrupt(`${path}:1`, 'it is empty');
  return { header, inputs, end: end as TimeUs, digests };
}

/**
 * The build that wrote a journal, as its first line says; the rest, which another build may not understand, is not read.
 * Undefined when not even one line is whole: the process that began it died over it, and nothing was acknowledged.
 * @throws PaperfleetError PF_JOURNAL_CORRUPT
 */
export function buildOfJournal(path: string): string | undefined {
  const line = firstLine(path);
  if (line === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw corrupt(`${path}:1`, (cause as Error).message, cause);
  }
  const build = (value as { header?: { build?: unknown } } | null)?.header?.build;
  if (typeof build !== 'string') throw corrupt(`${path}:1`, 'the first line is no header');
  return build;
}

function firstLine(path: string): string | undefined {
  const descriptor = openSync(path, 'r');
  try {
    let bytes = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.alloc(64 * 1024);
      const count = readSync(descriptor, chunk);
      const end = chunk.subarray(0, count).indexOf(10);
      bytes = Buffer.concat([bytes, chunk.subarray(0, end < 0 ? count : end)]);
      if (end >= 0) return bytes.toString('utf8');
      if (count === 0) return undefined;
    }
  } finally {
    closeSync(descriptor);
  }
}

function readEntry(line: string, place: string): JournalEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw corrupt(place, (cause as Error).message, cause);
  }
  if (typeof value !== 'object' || value === null || !('kind' in value)) throw corrupt(place, 'not a journal entry');
  switch (value.kind) {
    case 'header': {
      const header = checkRunHeader((value as { header?: unknown }).header);
      if (!header.ok) throw corrupt(place, header.reason);
      return { kind: 'header', header: header.value };
    }
    case 'input': {
      const { kind: _kind, planned, ...rest } = value as { kind: 'input'; planned?: unknown };
      const input = checkJournaledInput(rest);
      if (!input.ok) throw corrupt(place, input.reason);
      return { kind: 'input', ...(planned === true ? { planned: true as const } : {}), ...input.value };
    }
    case 'mark':
    case 'digest': {
      const { at, digest } = value as { at?: unknown; digest?: unknown };
      if (!Number.isSafeInteger(at) || (at as number) < 0) throw corrupt(place, `'at' is no instant: ${String(at)}`);
      if (value.kind === 'mark') return { kind: 'mark', at: at as TimeUs };
      if (typeof digest !== 'string') throw corrupt(place, 'a digest without text');
      return { kind: 'digest', at: at as TimeUs, digest };
    }
    default:
      throw corrupt(place, `unknown kind '${String(value.kind)}'`);
  }
}

function corrupt(place: string, why: string, cause?: unknown): PaperfleetError {
  return new PaperfleetError('PF_JOURNAL_CORRUPT', `${place}: ${why}`, {
    hint: 'the file was changed or damaged; move it aside to start over (paperfleet up --fresh does)',
    cause,
  });
}

function cut(path: string, length: number): void {
  const descriptor = openSync(path, 'r+');
  ftruncateSync(descriptor, length);
  fsyncSync(descriptor);
  closeSync(descriptor);
}
