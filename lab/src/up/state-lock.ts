/**
 * Keeps a second cluster off a state folder: two processes that append to one journal would ruin it. The lock is a file
 * with the id of the process that holds it; one that was left behind by a process that is gone is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaperfleetError } from '@paperfleet/core';

export interface StateLock {
  /** Says in the lock where the cluster serves, for the message that a second one gets. */
  serving(url: string): void;
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** When that process started, as the system tells it: ids are used again. Empty where the system does not say. */
  readonly born: string;
  readonly url: string;
}

const TRIES = 5;

/** Takes the lock of a state folder, which is made when it does not exist. @throws PaperfleetError PF_STATE_IN_USE naming the holder. */
export function lockState(folder: string): StateLock {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'lock');
  const own = `${path}.${process.pid}`;
  const self: Holder = { pid: process.pid, born: bornAt(process.pid), url: '' };
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (create(path, own, self)) return { serving: (url) => replace(path, own, { ...self, url }), release: () => release(path) };
    const holder = read(path);
    if (holder !== undefined && isAlive(holder)) throw inUse(folder, path, holder);
    // Moved, not removed: if another process was quicker and holds it by now, it gets it back.
    const aside = `${own}.stale`;
    try {
      renameSync(path, aside);
    } catch {
      continue; // somebody else moved it
    }
    const moved = read(aside);
    try {
      if (moved !== undefined && isAlive(moved)) linkSync(aside, path);
    } finally {
      rmSync(aside, { force: true });
    }
  }
  throw new PaperfleetError('PF_STATE_IN_USE', `${path} cannot be taken: other processes keep taking it`);
}

/** Appears with its whole content or not at all. */
function create(path: string, own: string, holder: Holder): boolean {
  writeFileSync(own, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function replace(path: string, own: string, holder: Holder): void {
  writeFileSync(own, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(own, path);
}

function release(path: string): void {
  if (read(path)?.pid === process.pid) rmSync(path, { force: true });
}

function read(path: string): Holder | undefined {
  try {
    const { pid, born, url } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0
      ? { pid, born: typeof born === 'string' ? born : '', url: typeof url === 'string' ? url : '' }
      : undefined;
  } catch {
    return undefined; // gone, or no lock of ours
  }
}

function isAlive({ pid, born }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = bornAt(pid);
  if (now === ENDED) return false;
  return born === '' || now === '' || now === born;
}

/** A process that has ended and that its parent has not noticed yet. */
const ENDED = 'ended';

/** Linux: boot and clock tick at which a process started, or ENDED. Elsewhere ''. */
function bornAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold anything; the third is the state, the 22nd the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return ENDED;
    const ticks = fields[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks ?? ''}`;
  } catch {
    return '';
  }
}

function inUse(folder: string, path: string, { pid, url }: Holder): PaperfleetError {
  const where = url === '' ? '' : ` at ${url}`;
  return new PaperfleetError('PF_STATE_IN_USE', `a cluster with the state folder ${folder} is running already${where} (process ${pid})`, {
    hint: `stop that one, or give this one a folder of its own: --state FOLDER (if none is running, remove ${path})`,
  });
}
