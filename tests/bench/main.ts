// npm run bench: runs every tests/bench/*.bench.ts in a fresh process and prints goal, measurement and target.
//   npm run bench -- --only events      only benches whose file name, goal or result name contains the text (repeatable)
//   npm run bench -- --json             results as JSON on standard output, progress on standard error
//   npm run bench -- --report           exit 0 even when a goal is missed
// Every process first runs two calibration kernels; on a machine slower than the reference, goals of time and rate are
// relaxed by that factor (calibration.ts), on a faster one they stay. Results go to tests/bench/results/<commit>.json.

import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Calibration, calibrate, speedOf } from './calibration.ts';
import { type BenchModule, type BenchResult, isReached, kindOf, secondsIn, targetAt } from './result.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const MINUTES_MAX = 15;

/** What one bench process reports. */
interface Report {
  readonly calibration: Calibration;
  readonly results: readonly BenchResult[];
}

interface Row extends BenchResult {
  readonly file: string;
  readonly calibration: Calibration;
  readonly speed: number;
  readonly reached: boolean;
}

/** Child: calibrates, runs one bench, reports to the parent. */
async function runBench(file: string): Promise<void> {
  const calibration = calibrate();
  const module = (await import(pathToFileURL(file).href)) as BenchModule;
  const results = await module.run();
  if (results.length === 0) throw new Error(`${path.basename(file)} measured nothing`);
  for (const result of results) if (!Number.isFinite(result.value)) throw new Error(`${result.name}: ${result.value} is no measurement`);
  // Sockets or timers that the bench left open must not keep the process.
  process.send?.({ calibration, results } satisfies Report, undefined, {}, () => process.exit(0));
}

/** Parent: one bench in a fresh process. @throws when it fails or takes too long */
function measure(file: string): Promise<Report> {
  return new Promise((resolve, reject) => {
    // Standard output belongs to the table and to --json: what a bench prints goes to standard error.
    const child = fork(fileURLToPath(import.meta.url), ['--child', file], {
      execArgv: [...process.execArgv, '--expose-gc'],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), MINUTES_MAX * 60_000);
    let report: Report | undefined;
    child.on('message', (message) => {
      report = message as Report;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (report !== undefined && code === 0) resolve(report);
      else
        reject(
          new Error(
            signal === 'SIGKILL'
              ? `killed, perhaps after ${MINUTES_MAX} minutes`
              : `ended with ${signal ?? `exit code ${code}`} and without results`,
          ),
        );
    });
  });
}

/** 1234567 → '1,234,567'; three significant digits below 100. */
function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** The measurement in calibration scans: rates as a multiple of scans per second, times as a number of scans. */
function ratio({ value, unit, calibration }: Row): string {
  const kind = kindOf(unit);
  if (kind === 'rate') return number(value / calibration.scansPerSecond);
  const seconds = secondsIn(unit);
  return seconds === undefined ? '–' : number(value * seconds * calibration.scansPerSecond);
}

function line(row: Row): readonly string[] {
  const sign = row.direction === 'min' ? '≥' : '≤';
  const target = targetAt(row, row.speed);
  const relaxed = target === row.target ? '' : ` (here ${number(target)})`;
  return [
    row.reached ? '✓' : '✗',
    row.goal,
    row.name,
    `${number(row.value)} ${row.unit}`,
    `${sign} ${number(row.target)} ${row.unit}${relaxed}`,
    ratio(row),
    row.note ?? '',
  ];
}

/** Characters of a text; every one that occurs here is one column wide. */
function width(text: string): number {
  return Array.from(text).length;
}

/** Lines with columns of equal width, the last one free. */
function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((cells) => width(cells[column]!))));
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell + ' '.repeat(widths[column]! - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Commit of the working tree, with '-dirty' when it has changes; 'uncommitted' without git. */
function commit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: HERE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-dirty');
  } catch {
    return 'uncommitted';
  }
}

function save(rows: readonly Row[], failures: readonly string[]): string {
  const folder = path.join(HERE, 'results');
  const file = path.join(folder, `${commit()}.json`);
  mkdirSync(folder, { recursive: true });
  const machine = {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cpus: os.availableParallelism(),
  };
  writeFileSync(file, `${JSON.stringify({ commit: path.basename(file, '.json'), machine, results: rows, failures }, undefined, 2)}\n`);
  return path.relative(process.cwd(), file);
}

function selected(row: { readonly file: string; readonly goal: string; readonly name: string }, only: readonly string[]): boolean {
  return only.length === 0 || only.some((text) => row.goal === text || row.file.includes(text) || row.name.includes(text));
}

/** Files to run: all, or those that --only names; a goal's number may be in any file, so then all are run. */
function benchFiles(only: readonly string[]): readonly string[] {
  const files = readdirSync(HERE)
    .filter((name) => name.endsWith('.bench.ts'))
    .sort();
  const named = files.filter((name) => only.some((text) => name.includes(text)));
  return only.length === 0 || named.length === 0 ? files : named;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
    },
  });
  const rows: Row[] = [];
  const failures: string[] = [];
  for (const name of benchFiles(values.only)) {
    process.stderr.write(`${name} …\n`);
    try {
      const { calibration, results } = await measure(path.join(HERE, name));
      const speed = speedOf(calibration);
      for (const result of results) rows.push({ ...result, file: name, calibration, speed, reached: isReached(result, speed) });
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const shown = rows.filter((row) => selected(row, values.only));
  if (shown.length === 0 && failures.length === 0) {
    process.stderr.write(
      values.only.length > 0 ? `No bench matches ${values.only.join(', ')}.\n` : 'There is no tests/bench/*.bench.ts.\n',
    );
    return 2;
  }
  const missed = shown.filter((row) => !row.reached);
  if (values.json) console.log(JSON.stringify({ results: shown, failures }, undefined, 2));
  else if (shown.length > 0) {
    const speeds = shown.map((row) => row.speed);
    console.log(`\n${table([['', 'goal', 'what', 'measured', 'target', 'scans', 'note'], ...shown.map(line)])}`);
    console.log(
      `\nSpeed of this machine, reference = 1: ${Math.min(...speeds).toFixed(2)} to ${Math.max(...speeds).toFixed(2)}. "scans" = in calibration scans of 5,000 nodes.`,
    );
  }
  for (const failure of failures) console.error(`✗ ${failure}`);
  console.error(
    `${shown.length - missed.length} of ${shown.length} goals reached, ${failures.length} benches failed. Written: ${save(rows, failures)}`,
  );
  return failures.length > 0 || (missed.length > 0 && !values.report) ? 1 : 0;
}

if (process.argv[2] === '--child') await runBench(process.argv[3]!);
else process.exitCode = await main();
