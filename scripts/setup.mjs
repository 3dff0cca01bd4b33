// Set-up shared by start.mjs, test.mjs and verify.mjs: Node version, dependencies, build, browser.
// Only Node built-ins here: this file runs before anything is installed, and its syntax must parse on old Node versions
// so that they get the version message instead of a syntax error.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Workspaces that the product consists of, dependencies first. */
export const PRODUCT = ['core', 'node-agent', 'scheduler', 'lab', 'web'];

const MINIMUM_NODE = [20, 19];
const STAMPS = path.join(ROOT, 'node_modules', '.paperfleet');

/** A set-up step that cannot go on; the message says what is missing and what to do. */
export class SetupError extends Error {}

/** Environment of every tool: no telemetry, no update checks; works without network once installed. */
export function toolEnvironment(extra = {}) {
  return {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    NO_UPDATE_NOTIFIER: '1',
    ...extra,
  };
}

/** Ends the process with a clear message when Node is too old to run Paperfleet. */
export function requireNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1]);
  if (!old) return;
  console.error(
    'Paperfleet needs Node.js ' +
      MINIMUM_NODE.join('.') +
      ' or newer; this is ' +
      version +
      ' (' +
      process.execPath +
      ').\n' +
      'Install a current version from https://nodejs.org, or with a version manager: nvm install 22 && nvm use 22',
  );
  process.exit(1);
}

/**
 * Runs a program in the repository and waits for it.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean, timeoutMs?: number }} [options] quiet keeps the output instead of showing it
 * @returns {Promise<{ code: number, output: string }>} code is 127 when the program does not exist, 124 after the timeout, 128 + n after signal n
 */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: options.env ?? toolEnvironment(),
      stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    let output = '';
    let expired = false;
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    const timer = options.timeoutMs
      ? setTimeout(() => {
          expired = true;
          child.kill('SIGKILL');
        }, options.timeoutMs)
      : undefined;
    const finish = (code, text) => {
      clearTimeout(timer);
      resolve({ code, output: text });
    };
    child.on('error', (error) => finish(127, error.message));
    child.on('close', (code, signal) => {
      if (expired) finish(124, output + '\n' + program + ' did not end within ' + options.timeoutMs / 1000 + ' s');
      else finish(code ?? 128 + (signal === 'SIGINT' ? 2 : 15), output);
    });
  });
}

/** Runs a tool from node_modules by its package's JavaScript entry, so that no shell and no PATH is involved. */
export function runTool(name, args, options) {
  return run(process.execPath, [toolEntry(name), ...args], options);
}

function toolEntry(name) {
  const packages = { tsc: 'typescript', biome: '@biomejs/biome' };
  const folder = path.join(ROOT, 'node_modules', packages[name] ?? name);
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const entry = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[name];
  return path.join(folder, entry);
}

/** Runs npm with the same npm that runs us, or the one on the PATH. */
export function runNpm(args, options) {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.[cm]?js$/.test(cli)) return run(process.execPath, [cli, ...args], options);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

function readStamp(name) {
  try {
    return readFileSync(path.join(STAMPS, name), 'utf8');
  } catch {
    return undefined;
  }
}

function writeStamp(name, value) {
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(path.join(STAMPS, name), value);
}

/** What an installation depends on: lock file, platform and Node's major version. */
function installFingerprint() {
  const hash = createHash('sha256');
  hash.update(readFileSync(path.join(ROOT, 'package-lock.json')));
  hash.update([process.platform, process.arch, process.versions.node.split('.')[0]].join(' '));
  return hash.digest('hex');
}

/** True when node_modules was made from the present package-lock.json. */
export function isInstalled() {
  const marker = path.join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(marker)) return false;
  const stamp = readStamp('install');
  if (stamp !== undefined) return stamp === installFingerprint();
  // Somebody ran npm themselves: npm writes its marker last, so a marker newer than the lock file belongs to it.
  if (statSync(marker).mtimeMs < statSync(path.join(ROOT, 'package-lock.json')).mtimeMs) return false;
  writeStamp('install', installFingerprint());
  return true;
}

/** Installs the dependencies when node_modules is missing or was made from another package-lock.json. */
export async function ensureInstalled() {
  if (isInstalled()) return false;
  console.log('Installing dependencies (npm ci) …');
  const started = Date.now();
  const { code } = await runNpm(['ci', '--no-audit', '--no-fund']);
  if (code !== 0) {
    throw new SetupError(
      `npm ci failed with exit code ${code}; its message is above.\n` +
        'If it speaks of the network (ENOTFOUND, ETIMEDOUT, ECONNREFUSED): npm needs its package registry once; check the connection or the proxy (npm config get proxy).\n' +
        'If it speaks of EACCES: this folder belongs to another user.',
    );
  }
  writeStamp('install', installFingerprint());
  console.log(`Dependencies installed in ${seconds(started)}.`);
  return true;
}

/** Every file below a folder, in a fixed order. */
function filesBelow(folder) {
  const found = [];
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(full));
    else if (!/\.(test|prop|bench)\.tsx?$/.test(entry.name)) found.push(full);
  }
  return found;
}

/** Cheap summary of all that the build reads: names, sizes and modification times. A few milliseconds. */
function buildFingerprint() {
  const files = ['package-lock.json', 'tsconfig.base.json'].map((name) => path.join(ROOT, name));
  for (const workspace of PRODUCT) {
    const folder = path.join(ROOT, workspace);
    files.push(...filesBelow(path.join(folder, 'src')), ...filesBelow(path.join(folder, 'public')));
    for (const name of ['package.json', 'tsconfig.json', 'vite.config.ts', 'index.html']) files.push(path.join(folder, name));
  }
  const hash = createHash('sha256');
  for (const file of files) {
    if (!existsSync(file)) continue;
    const { size, mtimeMs } = statSync(file);
    hash.update(`${path.relative(ROOT, file)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Files that a finished build has left behind. */
function buildOutputs() {
  const outputs = [];
  for (const workspace of PRODUCT) {
    const manifest = JSON.parse(readFileSync(path.join(ROOT, workspace, 'package.json'), 'utf8'));
    const entry = manifest.exports?.['.']?.default;
    if (entry) outputs.push(path.join(ROOT, workspace, entry));
  }
  if (existsSync(path.join(ROOT, 'web', 'index.html'))) outputs.push(path.join(ROOT, 'web', 'dist', 'index.html'));
  return outputs;
}

/** True when the build's outputs exist and belong to the present sources. */
export function isBuilt() {
  return readStamp('build') === buildFingerprint() && buildOutputs().every((file) => existsSync(file));
}

/** True when turbo's program for this platform is installed; it is an optional dependency of turbo. */
function turboWorks() {
  if (!existsSync(path.join(ROOT, 'node_modules', 'turbo', 'package.json'))) return false;
  return (
    spawnSync(process.execPath, [toolEntry('turbo'), '--version'], { cwd: ROOT, env: toolEnvironment(), stdio: 'ignore' }).status === 0
  );
}

/**
 * Builds the product (types, JavaScript, page). turbo restores what it has built before; without a turbo program for this
 * platform the workspaces are built one after the other.
 * @param {{ quiet?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function build(options = {}) {
  const fingerprint = buildFingerprint();
  const result = turboWorks()
    ? await runTool(
        'turbo',
        ['run', 'build', '--ui=stream', '--output-logs=errors-only', ...PRODUCT.map((name) => `--filter=@paperfleet/${name}`)],
        options,
      )
    : await buildInOrder(options);
  if (result.code === 0) {
    const missing = buildOutputs().filter((file) => !existsSync(file));
    if (missing.length > 0) {
      const names = missing.map((file) => path.relative(ROOT, file)).join(', ');
      return {
        code: 1,
        output: `${result.output}\nThe build ended without an error but did not write ${names}. Remove the dist folders and try again.`,
      };
    }
    writeStamp('build', fingerprint);
  }
  return result;
}

async function buildInOrder(options) {
  let output = '';
  for (const workspace of PRODUCT) {
    const result = await runNpm(['run', 'build', '--silent', '--workspace', `@paperfleet/${workspace}`], options);
    output += result.output;
    if (result.code !== 0) return { code: result.code, output };
  }
  return { code: 0, output };
}

/** Builds when the sources have changed since the last build. */
export async function ensureBuilt() {
  if (isBuilt()) return false;
  console.log('Building …');
  const started = Date.now();
  const { code, output } = await build();
  if (code !== 0)
    throw new SetupError(`The build failed with exit code ${code}; its messages are above.${output ? `\n${output.trim()}` : ''}`);
  console.log(`Built in ${seconds(started)}.`);
  return true;
}

/** "1.2 s" since an instant of Date.now(). */
export function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const CHROMIUM_APPS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Path of a Chromium or Chrome that starts, or undefined. PAPERFLEET_CHROMIUM comes first. */
export function findChromium(environment = process.env) {
  const own = environment.PAPERFLEET_CHROMIUM;
  if (own) {
    if (starts(own)) return own;
    throw new SetupError(`PAPERFLEET_CHROMIUM is ${own}, but that program does not start (tried: ${own} --version).`);
  }
  const folders = (environment.PATH ?? '').split(path.delimiter).filter(Boolean);
  const candidates = CHROMIUM_NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...candidates, ...CHROMIUM_APPS].find((file) => existsSync(file) && starts(file));
}

function starts(file) {
  return spawnSync(file, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

/**
 * Finds a browser for the page's tests; on Debian and its relatives, as root, installs one.
 * @returns {Promise<string>} the browser's path
 */
export async function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  const reason = 'The tests of the page need Chromium or Chrome, and none was found on the PATH.';
  if (process.platform === 'darwin')
    throw new SetupError(`${reason}\nInstall one: brew install --cask chromium   (or set PAPERFLEET_CHROMIUM to a browser's program)`);
  if (process.platform !== 'linux') throw new SetupError(`${reason}\nInstall Google Chrome and set PAPERFLEET_CHROMIUM to its program.`);
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) {
    throw new SetupError(
      `${reason}\nInstall it with your system's package manager (package "chromium"), or set PAPERFLEET_CHROMIUM to a browser's program.`,
    );
  }
  if (process.getuid?.() !== 0) throw new SetupError(`${reason}\nInstall it: sudo apt-get update && sudo apt-get install -y chromium`);
  return installChromium(reason);
}

async function installChromium(reason) {
  console.log('Installing Chromium for the tests of the page (apt-get install chromium) …');
  const started = Date.now();
  const options = { quiet: true, env: toolEnvironment({ DEBIAN_FRONTEND: 'noninteractive' }), timeoutMs: 300_000 };
  const update = await run('apt-get', ['update', '-q'], options);
  const install = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], options);
  const found = install.code === 0 ? findChromium() : undefined;
  if (found) {
    console.log(`Chromium installed in ${seconds(started)}.`);
    return found;
  }
  const failed = install.code !== 0 ? install : update;
  throw new SetupError(
    `${reason}\napt-get could not install a Chromium that starts (exit code ${failed.code}):\n${failed.output.trim().split('\n').slice(-12).join('\n')}\n` +
      "Install a browser by hand, or set PAPERFLEET_CHROMIUM to a browser's program. (On Ubuntu the package is a snap, which containers cannot run: use Google Chrome's .deb.)",
  );
}
