import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockState } from './state-lock.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'paperfleet-lock-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lockFile = (): string => join(folder, 'lock');

test('a second lock is refused and names who holds it and where; after the release it is free', () => {
  const lock = lockState(folder);
  expect(() => lockState(folder)).toThrow(new RegExp(`is running already \\(process ${process.pid}\\)`));
  lock.serving('http://127.0.0.1:7070');
  expect(() => lockState(folder)).toThrow(/at http:\/\/127\.0\.0\.1:7070/);
  lock.release();
  expect(readdirSync(folder)).toEqual([]);
  lockState(folder).release();
});

test('the folder is made', () => {
  folder = join(folder, 'a', 'b');
  lockState(folder).release();
});

test('the lock of a process that is gone is taken over', async () => {
  const child = spawn(process.execPath, ['-e', '0']);
  await once(child, 'exit');
  writeFileSync(lockFile(), JSON.stringify({ pid: child.pid, born: '', url: '' }));
  const lock = lockState(folder);
  expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid });
  expect(readdirSync(folder)).toEqual(['lock']);
  lock.release();
});

test('the lock of a process that goes on is not taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    writeFileSync(lockFile(), JSON.stringify({ pid: child.pid, born: '', url: '' }));
    expect(() => lockState(folder)).toThrow(new RegExp(`process ${child.pid}`));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

test.runIf(process.platform === 'linux')('a process that merely has the same id does not hold it', () => {
  writeFileSync(lockFile(), JSON.stringify({ pid: process.pid, born: 'another boot/123', url: '' }));
  lockState(folder).release();
});

test('a lock file that says nothing is taken over', () => {
  writeFileSync(lockFile(), '');
  lockState(folder).release();
});

test('a release leaves a lock alone that is somebody else’s by now', () => {
  const lock = lockState(folder);
  writeFileSync(lockFile(), JSON.stringify({ pid: 1, born: '', url: '' }));
  lock.release();
  expect(readdirSync(folder)).toEqual(['lock']);
});
