/**
 * The conductor drives one run: it grants windows to the manager and to every agent host, keeps the barrier, journals
 * inputs before they take effect, and paces simulated time by the wall clock × speed.
 *
 * Everything that touches the run happens at a barrier, between two windows: inputs are admitted there, hosts attached,
 * checkpoints and digests taken. So no lock is needed, and every input has an instant that nobody has passed.
 */
import {
  addDigests,
  assert,
  type Command,
  digestText,
  type DigestWords,
  type Envelope,
  type Fault,
  type HostInput,
  type Input,
  type Journal,
  type JournaledInput,
  MANAGER,
  PaperfleetError,
  type Party,
  type PartyId,
  type PlaybackState,
  type RunHeader,
  type SavedParty,
  type SavedTimeline,
  type TimeUs,
  type Timeline,
  type Totals,
} from '@paperfleet/core';
import type { HostPort, WindowResult } from './host-port.ts';
import { InputLog } from './input-log.ts';
import { Pacer } from './pacer.ts';
import { appendTo, inputsFor } from './routing.ts';
import type { LiveRun, ManagerView, Submitted } from './run.ts';

export interface ConductorOptions {
  readonly name: string;
  readonly parent?: string;
  readonly forkedAt?: TimeUs;
  readonly header: RunHeader;
  /** Holds the manager, and those nodes that no host simulates. */
  readonly timeline: Timeline;
  readonly journal: Journal;
  /** Inputs journaled so far. */
  readonly inputs: readonly JournaledInput[];
  readonly at: TimeUs;
  readonly speed: number;
  readonly paused: boolean;
  /** Hosts that must attach before time goes on (after a restart), with the wall milliseconds to wait for them. */
  readonly expected?: readonly string[];
  readonly expectedMs?: number;
  /** Keeps a checkpoint; returns its size in bytes, for the log. */
  readonly onCheckpoint?: (saved: SavedTimeline) => number;
  /** Wall milliseconds between two checkpoints while little happens; more often when much does. Default 60,000. */
  readonly checkpointMs?: number;
  readonly log?: (event: string, detail: Record<string, unknown>) => void;
  /** Monotonic wall clock in milliseconds. */
  readonly wallMs?: () => number;
}

interface Submission {
  readonly input: Input;
  readonly answer: (submitted: Submitted) => void;
}

/** Wall milliseconds between two looks at the clock while simulated time is where it should be. */
const TICK_MS = 15;
const MARK_MS = 1000;
/** Without hosts a window may be long; it is cut so that commands do not wait. */
const SOLO_WINDOW_US = 1_000_000;
const DEFAULT_CHECKPOINT_MS = 60_000;
/** Handled events per wall millisecond between checkpoints after which one is due before its time: 1,000,000 a minute, some seconds of replay. */
const CHECKPOINT_EVENTS_PER_MS = 1_000_000 / 60_000;
/** A checkpoint that much happened for comes no sooner than after this part of the time between two. */
const CHECKPOINT_SOONEST = 1 / 12;
/** … and one whose time has come is left out when less than this part of those events was handled. */
const CHECKPOINT_WORTH = 1 / 10;
const STEP_EVENT_WINDOWS = 5_000;

export class Conductor implements LiveRun {
  readonly name: string;
  readonly parent: string | null;
  readonly forkedAt: TimeUs | null;
  readonly header: RunHeader;
  readonly manager: ManagerView;
  readonly #timeline: Timeline;
  readonly #inputs: InputLog;
  readonly #hosts = new Map<string, HostPort>();
  readonly #pacer: Pacer;
  readonly #wallMs: () => number;
  readonly #log: (event: string, detail: Record<string, unknown>) => void;
  readonly #onCheckpoint: ((saved: SavedTimeline) => number) | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #waitingKeys = new Map<string, Promise<Submitted>>();
  /** Work for the next barrier. */
  #submissions: Submission[] = [];
  #tasks: (() => void | Promise<void>)[] = [];
  readonly #relay = new Map<string, Envelope[]>();
  /** Joins that a host has yet to hear of: messages to those nodes take their latency. */
  readonly #introductions = new Map<string, HostInput[]>();
  /** Hosts that must come back before time goes on, and until when each is waited for. */
  readonly #expected = new Map<string, number>();
  readonly #expectedMs: number;
  #at: number;
  #windows = 0;
  #hostEventsGone = 0;
  #lastMarkMs: number;
  #lastMarkAt: number;
  #checkpointEvents = 0;
  #checkpointedMs: number;
  readonly #checkpointEveryMs: number;
  #stopped = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ConductorOptions) {
    this.name = options.name;
    this.parent = options.parent ?? null;
    this.forkedAt = options.forkedAt ?? null;
    this.header = options.header;
    this.#timeline = options.timeline;
    this.#inputs = new InputLog(options.journal, options.inputs, options.at, ({ party, offer }) =>
      options.timeline.directory.learn(party, offer),
    );
    this.#at = options.at;
    this.#wallMs = options.wallMs ?? (() => performance.now());
    this.#log = options.log ?? (() => undefined);
    this.#onCheckpoint = options.onCheckpoint;
    this.#pacer = new Pacer(this.#wallMs, options.at, options.speed, options.paused);
    this.#expectedMs = options.expectedMs ?? 0;
    for (const host of options.expected ?? []) this.#expected.set(host, this.#wallMs() + this.#expectedMs);
    this.#lastMarkMs = this.#wallMs();
    this.#lastMarkAt = options.at;
    this.#checkpointedMs = this.#wallMs();
    this.#checkpointEveryMs = options.checkpointMs ?? DEFAULT_CHECKPOINT_MS;
    this.#checkpointEvents = options.timeline.events;
    const manager = options.timeline.party(MANAGER);
    assert(manager !== undefined, 'a conductor needs the manager in its timeline');
    this.manager = manager as Party & ManagerView;
  }

  /** The last barrier: every event before it has been handled everywhere. */
  get at(): TimeUs {
    return this.#at as TimeUs;
  }
  get timeline(): Timeline {
    return this.#timeline;
  }
  get hosts(): readonly HostPort[] {
    return [...this.#hosts.values()];
  }

  inputs(): readonly JournaledInput[] {
    return this.#inputs.entries;
  }

  /** Starts the loop; it goes on until `stop`. */
  start(): void {
    this.#pacer.anchor(this.#at);
    this.#running ??= this.#loop();
  }

  /** Ends the loop at the next barrier and writes a last mark. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#poke();
    await this.#running;
    this.#inputs.mark(this.at, true);
    this.#inputs.close();
  }

  playback(): PlaybackState {
    const waitingFor = [...this.#expected.keys(), ...this.hosts.filter((host) => host.detached).map((host) => host.name)];
    return {
      paused: this.#pacer.paused,
      speed: this.#pacer.speed,
      reachedSpeed: waitingFor.length > 0 ? 0 : this.#pacer.reached(),
      simUs: this.#at,
      waitingFor,
    };
  }

  totals(): Totals {
    let agents = this.#timeline.parties().length - 1;
    let eventsProcessed = this.#timeline.events + this.#hostEventsGone;
    for (const host of this.#hosts.values()) {
      agents += host.parties.size;
      eventsProcessed += host.events;
    }
    return { hosts: this.#hosts.size, agents, windows: this.#windows, eventsProcessed };
  }

  pause(): void {
    this.#pacer.setPaused(true, this.#at);
    this.#changed();
  }

  resume(): void {
    this.#pacer.setPaused(false, this.#at);
    this.#changed();
  }

  setSpeed(speed: number): void {
    this.#pacer.setSpeed(speed, this.#at);
    this.#changed();
  }

  async step(until: 'window' | 'event'): Promise<void> {
    this.#pacer.setPaused(true, this.#at);
    // Hosts that are still to come have been handed their nodes as they are now: time must not go on without them.
    while (this.#expected.size > 0 && !this.#stopped) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    return this.atBarrier(async () => {
      if (until === 'window') await this.#window(this.#at + this.#lookAhead());
      else await this.#stepToEvent();
      this.#changed();
    });
  }

  submit(command: Command, by: string, key: string): Promise<Submitted> {
    const known = key === '' ? undefined : (this.#inputs.answerTo(key) ?? this.#waitingKeys.get(key));
    if (known !== undefined) return Promise.resolve(known);
    const refusal = this.manager.check(command);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const submitted = this.submitInput({ kind: 'command', key, by, command });
    if (key !== '') {
      this.#waitingKeys.set(key, submitted);
      void submitted.finally(() => this.#waitingKeys.delete(key));
    }
    return submitted;
  }

  submitFault(parties: readonly PartyId[], label: string, fault: Fault): Promise<Submitted> {
    return this.submitInput({ kind: 'fault', parties, label, fault });
  }

  /** Journals an input at the next barrier; resolves once it is durable and admitted. */
  submitInput(input: Input): Promise<Submitted> {
    if (this.#stopped) return Promise.resolve({ ok: false, code: 'PF_UNAVAILABLE', message: 'the run is stopping' });
    return new Promise((answer) => {
      this.#submissions.push({ input, answer });
      this.#poke();
    });
  }

  /** Journals inputs with instants of their own, ascending and not before the barrier: a scenario's. Before `start` or at a barrier. */
  plan(entries: readonly JournaledInput[]): void {
    this.#inputs.plan(entries, this.at);
  }

  /** Runs work between two windows. */
  atBarrier<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      this.#poke();
    });
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  digest(): Promise<{ at: TimeUs; digest: string }> {
    return this.atBarrier(async () => {
      let words: DigestWords = this.#timeline.digest();
      for (const result of await this.#ask({ wantDigest: true, wantState: false })) words = addDigests(words, result.digest!);
      const digest = digestText(words);
      this.#inputs.digest(this.at, digest);
      return { at: this.at, digest };
    });
  }

  /** The whole state at a barrier. */
  checkpoint(): Promise<SavedTimeline> {
    return this.atBarrier(() => this.#checkpoint());
  }

  /** Saved state of nodes that no host simulates, for a host that takes them over. At a barrier. */
  handOver(parties: readonly PartyId[]): SavedParty[] {
    const wanted = new Set(parties);
    return this.#timeline.saveParties().filter((party) => wanted.has(party.id));
  }

  /** Adds a host at a barrier, with the joins of the nodes it brings. Its parties, if they were simulated here, are so no longer. */
  attach(host: HostPort, joins: readonly Input[] = []): void {
    assert(!this.#hosts.has(host.name), 'two hosts of one name', { host: host.name });
    for (const party of host.parties) this.#timeline.remove(party);
    this.#hosts.set(host.name, host);
    const others = this.#inputs.entries.filter(({ at, input }) => at < this.#at && input.kind === 'join' && !host.parties.has(input.party));
    this.#introductions.set(
      host.name,
      others.map((entry) => ({ ...entry, parties: [] })),
    );
    // Journaled in the same breath: were the host lost before its nodes have joined, they would be nobody's.
    if (joins.length > 0) this.#inputs.admit(joins, this.at);
    this.#expected.delete(host.name);
    this.#pacer.anchor(this.#at);
    this.#log('host.attached', { host: host.name, agents: host.parties.size, at: this.#at });
  }

  /** Gives up a host that is not in a window: its nodes are lost from here on. At a barrier. */
  detach(host: HostPort, reason: string): void {
    if (this.#hosts.get(host.name) !== host) return;
    this.#hosts.delete(host.name);
    this.#hostEventsGone += host.events;
    this.#lose([...host.parties], this.at, reason);
    this.#log('host.lost', { host: host.name, agents: host.parties.size, at: this.#at, reason });
    host.close(reason);
  }

  host(name: string): HostPort | undefined {
    return this.#hosts.get(name);
  }

  /** Runs windows until the barrier reaches `until` (virtual time; not together with `start`). */
  async runUntil(until: TimeUs): Promise<void> {
    while (this.#at < until) {
      await this.#barrier();
      await this.#window(until);
    }
    await this.#barrier();
  }

  /**
   * Handles what waits for a barrier until so many hosts are attached (virtual time; not together with `start`).
   * @param hopeless – says why there is no use in waiting any longer.
   * @throws PaperfleetError PF_HOST_LOST when it is hopeless or after `timeoutMs`.
   */
  async waitForHosts(count: number, timeoutMs: number, hopeless: () => string | undefined = () => undefined): Promise<void> {
    const deadline = this.#wallMs() + timeoutMs;
    for (;;) {
      await this.#barrier();
      if (this.#hosts.size >= count) return;
      const late = this.#wallMs() > deadline ? `they did not within ${timeoutMs / 1000} s` : undefined;
      const why = hopeless() ?? late;
      if (why !== undefined) throw new PaperfleetError('PF_HOST_LOST', `${this.#hosts.size} of ${count} agent hosts attached: ${why}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  // ---------------------------------------------------------------- the loop

  async #loop(): Promise<void> {
    let lastYield = this.#wallMs();
    while (!this.#stopped) {
      await this.#barrier();
      if (this.#waits()) {
        await this.#sleep(TICK_MS);
        this.#pacer.anchor(this.#at);
        continue;
      }
      const target = this.#pacer.paused ? this.#at : this.#pacer.target(this.#at);
      // A tick's worth at least: the clock never stands still, and windows of microseconds would keep the processor busy for nothing.
      if (target < this.#at + Math.max(1, TICK_MS * 1000 * this.#pacer.speed)) {
        if (this.#pacer.paused) this.#mark('at once'); // a run that is paused goes on from exactly here, also after a crash
        await this.#sleep(TICK_MS);
        lastYield = this.#wallMs();
        continue;
      }
      // As fast as possible means from event to event; an empty cluster would race through years while nobody is there.
      if (target === Infinity && this.#earliest() === Infinity) await this.#sleep(TICK_MS);
      await this.#window(target === Infinity ? this.#at + SOLO_WINDOW_US : target);
      this.#pacer.note(this.#at);
      this.#mark('in time');
      if (this.#wallMs() - lastYield > TICK_MS) {
        await new Promise((resolve) => setImmediate(resolve)); // sockets and API get their turn at any speed
        lastYield = this.#wallMs();
      }
    }
    await this.#barrier();
  }

  /** True while hosts that are expected after a restart are not there; past their time they are lost. */
  #waits(): boolean {
    if (this.#expected.size === 0) return false;
    const now = this.#wallMs();
    for (const until of this.#expected.values()) if (now < until) return true;
    this.giveUpExpected();
    return false;
  }

  /** Stops waiting for hosts: the nodes that still live in this timeline only for them are lost. At a barrier. */
  giveUpExpected(): void {
    const orphans = this.#timeline.parties().filter((party) => party !== MANAGER);
    this.#log('host.gave-up', { hosts: [...this.#expected.keys()], agents: orphans.length });
    this.#expected.clear();
    if (orphans.length > 0) this.#lose(orphans, this.at, 'its agent host did not come back after a restart of the manager');
  }

  /** Waits for a host that is expected for so many wall milliseconds from now on; without a number as long as after the start. */
  expect(host: string, ms: number = this.#expectedMs): void {
    if (this.#expected.has(host)) this.#expected.set(host, this.#wallMs() + ms);
  }

  /** Everything that waits for a barrier. */
  async #barrier(): Promise<void> {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) await task();
    }
    if (this.#submissions.length > 0) this.#admit();
    // While paused, what people do still shows at once: the instant it takes effect at is played.
    if (this.#pacer.paused && this.#inputs.nextAt() <= this.#at && !this.#waits()) await this.#window(this.#at + 1);
    if (this.#onCheckpoint !== undefined && this.#checkpointDue()) {
      const began = this.#wallMs();
      const bytes = this.#onCheckpoint(await this.#checkpoint());
      this.#log('checkpoint.taken', { at: this.#at, bytes, pausedMs: Math.round(this.#wallMs() - began) });
    }
  }

  #admit(): void {
    const submissions = this.#submissions;
    this.#submissions = [];
    const entries = this.#inputs.admit(
      submissions.map(({ input }) => input),
      this.at,
    );
    for (const [index, { seq, at }] of entries.entries()) submissions[index]!.answer({ ok: true, seq, at });
  }

  /** One window: simulates everything up to `limit` or the look-ahead, whichever comes first. */
  async #window(limit: number): Promise<void> {
    const start = this.#at;
    const floor = Math.max(start, this.#earliest());
    const end = Math.min(limit, floor === Infinity ? limit : floor + this.#lookAhead());
    const inputs = this.#inputs.due(end);
    for (const input of inputs) this.#timeline.inject({ ...input, parties: input.parties.filter((party) => !this.#isRemote(party)) });

    const answers: { host: HostPort; result: Promise<WindowResult> }[] = [];
    for (const host of this.#hosts.values()) {
      const theirs = [...(this.#introductions.get(host.name) ?? []), ...inputsFor(host, inputs)];
      const relay = this.#relay.get(host.name) ?? [];
      const next = host.next();
      if (theirs.length === 0 && relay.length === 0 && (next < 0 || next >= end)) continue; // nothing can happen there
      this.#relay.delete(host.name);
      this.#introductions.delete(host.name);
      answers.push({ host, result: host.advance({ until: end as TimeUs, inputs: theirs, relay, wantDigest: false, wantState: false }) });
    }
    this.#timeline.runUntil(end);
    this.#at = end;
    this.#windows++;
    this.#route(this.#timeline.takeOutbox());
    for (const { host, result } of answers) {
      const done = await result;
      if (!done.ok) {
        this.#drop(host, start as TimeUs, done.reason);
        continue;
      }
      for (const envelope of done.toManager) this.#timeline.deliver(envelope);
      this.#route(done.relay);
      if (done.dropped.length > 0) this.#lose(done.dropped, start as TimeUs, 'its agent broke the protocol');
    }
    if (answers.length > 0 || inputs.length > 0 || floor < end) this.#notify();
  }

  #isRemote(party: PartyId): boolean {
    for (const host of this.#hosts.values()) if (host.parties.has(party)) return true;
    return false;
  }

  /** A host did not finish the window that began at `since`: its nodes did nothing in it. */
  #drop(host: HostPort, since: TimeUs, reason: string): void {
    this.#hosts.delete(host.name);
    this.#relay.delete(host.name);
    this.#hostEventsGone += host.events;
    this.#log('host.lost', { host: host.name, agents: host.parties.size, at: this.#at, reason });
    if (host.parties.size > 0) this.#lose([...host.parties], since, reason);
  }

  #lose(parties: readonly PartyId[], since: TimeUs, reason: string): void {
    for (const party of parties) this.#timeline.remove(party);
    this.#inputs.admit([{ kind: 'lost', parties, since, reason }], this.at);
  }

  /** Sends messages on to whoever simulates their receiver; those for parties that are gone are lost, as on a dead link. */
  #route(envelopes: readonly Envelope[]): void {
    if (envelopes.length === 0) return;
    const byHost = new Map<HostPort, Envelope[]>();
    for (const envelope of envelopes) {
      if (this.#timeline.deliver(envelope)) continue;
      for (const host of this.#hosts.values()) {
        if (!host.parties.has(envelope.to)) continue;
        if (envelope.from === MANAGER) appendTo(byHost, host, envelope);
        else appendTo(this.#relay, host.name, envelope);
        break;
      }
    }
    for (const [host, list] of byHost) host.send(list);
  }

  /** Asks every host something at the barrier, without letting time go on. */
  async #ask(want: { wantDigest: boolean; wantState: boolean }): Promise<Extract<WindowResult, { ok: true }>[]> {
    const results: Extract<WindowResult, { ok: true }>[] = [];
    for (const host of [...this.#hosts.values()]) {
      const relay = this.#relay.get(host.name) ?? [];
      this.#relay.delete(host.name);
      const result = await host.advance({ until: this.at, inputs: [], relay, ...want });
      if (result.ok) results.push(result);
      else this.#drop(host, this.at, result.reason);
    }
    return results;
  }

  async #checkpoint(): Promise<SavedTimeline> {
    this.#mark('durably'); // a journal that ends before its checkpoint would go on another way
    const own = this.#timeline.save(this.at);
    const states = await this.#ask({ wantDigest: false, wantState: true });
    this.#checkpointEvents = this.totals().eventsProcessed;
    this.#checkpointedMs = this.#wallMs();
    const parties = [...own.parties, ...states.flatMap((result) => result.state ?? [])].sort((a, b) => a.id - b.id);
    return { at: own.at, events: this.#checkpointEvents, parties };
  }

  #checkpointDue(): boolean {
    const waitedMs = this.#wallMs() - this.#checkpointedMs;
    if (waitedMs < this.#checkpointEveryMs * CHECKPOINT_SOONEST) return false;
    const many = this.#checkpointEveryMs * CHECKPOINT_EVENTS_PER_MS;
    const events = this.totals().eventsProcessed - this.#checkpointEvents;
    return events > many || (events > many * CHECKPOINT_WORTH && waitedMs > this.#checkpointEveryMs);
  }

  async #stepToEvent(): Promise<void> {
    const before = this.manager.events.lastId;
    for (let windows = 0; windows < STEP_EVENT_WINDOWS && this.manager.events.lastId === before; windows++) {
      const next = this.#earliest();
      if (next === Infinity) return;
      await this.#window(Math.max(next, this.#at) + 1);
    }
  }

  /** Instant of the earliest pending event anywhere, inputs included. */
  #earliest(): number {
    const own = this.#timeline.next();
    let earliest = own < 0 ? Infinity : own;
    for (const host of this.#hosts.values()) {
      const next = host.next();
      if (next >= 0 && next < earliest) earliest = next;
    }
    for (const relay of this.#relay.values()) for (const envelope of relay) earliest = Math.min(earliest, envelope.arriveAt);
    return Math.min(earliest, this.#inputs.nextAt());
  }

  #lookAhead(): number {
    return this.#hosts.size === 0 ? SOLO_WINDOW_US : this.#timeline.directory.minimumControlLatency();
  }

  /** Notes in the journal how far time has gone: about once a second, or at once. */
  #mark(how: 'in time' | 'at once' | 'durably'): void {
    const now = this.#wallMs();
    if (how !== 'durably' && (this.#lastMarkAt === this.#at || (how === 'in time' && now - this.#lastMarkMs < MARK_MS))) return;
    this.#lastMarkMs = now;
    this.#lastMarkAt = this.#at;
    this.#inputs.mark(this.at, how === 'durably');
  }

  #changed(): void {
    this.#poke();
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #poke(): void {
    this.#wake?.();
  }

  #sleep(ms: number): Promise<void> {
    if (this.#tasks.length > 0 || this.#submissions.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const wake = (): void => {
        clearTimeout(timer);
        done();
      };
      this.#wake = wake;
      function done(): void {
        resolve();
      }
    });
  }
}
