/** Checkpoints as files beside the journal: written whole, then renamed; the newest two are kept. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseState, type SavedTimeline, stringifyState, type TimeUs } from '@paperfleet/core';

const NAME = /^checkpoint-(\d{16})\.json$/;
const KEEP = 2;

export class CheckpointFiles {
  readonly #folder: string;
  readonly #build: string;
  #writing: Promise<void> = Promise.resolve();

  /** @param build – checkpoints of another build are not used: its code would go on differently. */
  constructor(folder: string, build: string) {
    this.#folder = folder;
    this.#build = build;
    // Those that a crash cut off.
    for (const name of this.#all())
      if (name.endsWith('.part') && NAME.test(name.slice(0, -'.part'.length))) rmSync(join(folder, name), { force: true });
  }

  /** Writes in the background, one after the other; failures go to `failed`, since the journal alone suffices. Returns the size. */
  write(saved: SavedTimeline, failed: (error: Error) => void): number {
    const text = Buffer.from(stringifyState({ build: this.#build, ...saved }));
    const path = join(this.#folder, `checkpoint-${String(saved.at).padStart(16, '0')}.json`);
    this.#writing = this.#writeAfter(this.#writing, path, text, failed);
    return text.length;
  }

  async #writeAfter(earlier: Promise<void>, path: string, text: Buffer, failed: (error: Error) => void): Promise<void> {
    await earlier;
    try {
      await writeFile(`${path}.part`, text, { mode: 0o600 });
      await rename(`${path}.part`, path);
      for (const name of this.#names().slice(KEEP)) rmSync(join(this.#folder, name), { force: true });
    } catch (error) {
      failed(error as Error);
    }
  }

  /** Resolves when everything is written. */
  flushed(): Promise<void> {
    return this.#writing;
  }

  /** The newest whole checkpoint not later than `at`, if any. */
  newest(at: TimeUs): SavedTimeline | undefined {
    for (const name of this.#names()) {
      if (Number(NAME.exec(name)![1]) > at) continue;
      const saved = this.#read(join(this.#folder, name));
      if (saved !== undefined) return saved;
    }
    return undefined;
  }

  /** Removes those later than `end`, where the run goes on: they are of a future that will not be, since other inputs may come now. */
  dropAfter(end: TimeUs): void {
    for (const name of this.#names()) if (Number(NAME.exec(name)![1]) > end) rmSync(join(this.#folder, name), { force: true });
  }

  clear(): void {
    for (const name of this.#names()) rmSync(join(this.#folder, name), { force: true });
  }

  #read(path: string): SavedTimeline | undefined {
    try {
      const state = parseState(readFileSync(path, 'utf8'));
      if (!state.ok) return undefined;
      const { build, ...saved } = state.value as SavedTimeline & { readonly build: string };
      return build === this.#build ? saved : undefined;
    } catch {
      return undefined; // unreadable: the one before it, or the whole journal, does as well
    }
  }

  /** Newest first. */
  #names(): string[] {
    return this.#all()
      .filter((name) => NAME.test(name))
      .sort()
      .reverse();
  }

  #all(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }
}
