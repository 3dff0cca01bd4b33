// Does a live cluster keep its pace at 1×? The real command as its users start it, agents behind WebSockets, with the page
// open in Chromium and without. Wall time by its nature: on a machine that others use at the same time it can miss.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlaybackState, RunStatus, ServiceView } from '@paperfleet/core';
import { spawnSelf } from '@paperfleet/lab';
import { chromium } from 'playwright-core';
import type { BenchResult } from './result.ts';

const MEASURE_MS = 20_000;
const SETTLE_MS = 180_000;
const CHROMIUM = process.env['PAPERFLEET_CHROMIUM'] ?? '/usr/bin/chromium';
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

interface Case {
  readonly nodes: number;
  readonly tasks: number;
  readonly hosts: number;
  readonly page: boolean;
  readonly port: number;
}

interface Pace {
  /** Simulated seconds per wall second. */
  readonly ratio: number;
  /** How far simulated time was behind at the end, wall seconds. */
  readonly behindS: number;
  readonly managerMb: number;
  readonly managerCpuPercent: number;
}

const stack = (tasks: number): string =>
  ['web', 'api', 'cache', 'worker']
    .map(
      (name, index) =>
        `  ${name}:\n    image: ${['nginx:1.29-alpine', 'node:22-alpine', 'redis:7-alpine', 'python:3.13-slim'][index]!}\n    command: ["serve"]\n    deploy: { replicas: ${tasks / 4}, resources: { reservations: { cpus: "0.1", memory: 64M } } }\n    x-paperfleet: { load: { rate: ${tasks / 10}/s } }\n`,
    )
    .reduce((text, service) => text + service, 'services:\n');

async function measure({ nodes, tasks, hosts, page, port }: Case): Promise<Pace> {
  const folder = mkdtempSync(join(tmpdir(), 'paperfleet-pace-'));
  const file = join(folder, 'stack.yml');
  writeFileSync(file, stack(tasks));
  const url = `http://127.0.0.1:${port}`;
  const manager = spawnSelf(
    [
      'up',
      '--port',
      String(port),
      '--state',
      join(folder, 'state'),
      '--nodes',
      String(nodes),
      '--hosts',
      String(hosts),
      '--stack',
      file,
      '--name',
      'pace',
      '--json',
    ],
    {},
  );
  const browser = page ? await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS }) : undefined;
  try {
    await settled(url, tasks);
    if (browser !== undefined) {
      const tab = await browser.newPage({ viewport: { width: 1366, height: 768 } });
      await tab.goto(url);
      await tab.waitForSelector('canvas', { timeout: 30_000 });
    }
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const before = await playback(url);
    const cpuBefore = cpuSeconds(manager.pid!);
    const wall = performance.now();
    await new Promise((resolve) => setTimeout(resolve, MEASURE_MS));
    const after = await playback(url);
    const wallS = (performance.now() - wall) / 1000;
    const simS = (after.simUs - before.simUs) / 1e6;
    return {
      ratio: simS / wallS,
      behindS: wallS - simS,
      managerMb: rssMb(manager.pid!),
      managerCpuPercent: (100 * (cpuSeconds(manager.pid!) - cpuBefore)) / wallS,
    };
  } finally {
    await browser?.close();
    const ended = new Promise((resolve) => manager.once('exit', resolve));
    manager.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until every task runs. */
async function settled(url: string, tasks: number): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const running = await fetch(`${url}/api/runs/live/services`)
      .then((answer) => answer.json() as Promise<{ services: ServiceView[] }>)
      .then(({ services }) => services.reduce((sum, service) => sum + service.running, 0))
      .catch(() => 0);
    if (running === tasks) return;
    if (performance.now() > deadline) throw new Error(`only ${running} of ${tasks} tasks ran after ${SETTLE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const playback = async (url: string): Promise<PlaybackState> =>
  ((await (await fetch(`${url}/api/runs/live`)).json()) as RunStatus).run.playback;
const rssMb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

/** CPU seconds of a process: user and system, in clock ticks of 10 ms. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function run(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const each of [
    { nodes: 500, tasks: 5_000, hosts: 1, page: true, port: 7391, maxMb: 700 },
    { nodes: 5_000, tasks: 50_000, hosts: 2, page: false, port: 7392, maxMb: 700 },
  ]) {
    const pace = await measure(each);
    const name = `${each.nodes} nodes, ${each.tasks} tasks live at 1×, page ${each.page ? 'open' : 'closed'}`;
    results.push(
      {
        goal: '–',
        name: `${name}: pace`,
        value: pace.ratio,
        unit: 'simulated s per s',
        target: 0.99,
        direction: 'min',
        note: `wall, over 20 s; behind by ${pace.behindS.toFixed(2)} s; manager ${pace.managerCpuPercent.toFixed(0)} % of a core`,
      },
      {
        goal: '–',
        name: `${name}: manager's memory`,
        value: pace.managerMb,
        unit: 'MB',
        target: each.maxMb,
        direction: 'max',
        note: 'RSS',
      },
    );
  }
  return results;
}
