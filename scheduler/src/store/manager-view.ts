/** The manager party as others see it: its state for reading, and what it thinks of a command. */
import type { Command } from '@paperfleet/core';
import type { EventLogView, MetricsView, StoreView } from './view.ts';

/** Why a request was not taken; the API maps `code` to an HTTP status. */
export interface Refusal {
  readonly ok: false;
  readonly code: 'PF_NOT_FOUND' | 'PF_INVALID' | 'PF_CONFLICT' | 'PF_UNAVAILABLE';
  readonly message: string;
  readonly hint?: string;
  /** Place in the input, as a JSON path. */
  readonly path?: string;
}
/** The manager's state for reading. */
export interface ManagerView {
  readonly store: StoreView;
  readonly events: EventLogView;
  readonly metrics: MetricsView;
  /** Checks a command against the present state: what would be refused if it took effect now. */
  check(command: Command): Refusal | undefined;
}
