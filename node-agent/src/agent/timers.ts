/** The timers of a node, as plain data. Those without fields are shared objects. */
import type { TimerEvent } from '@paperfleet/core';

export type NodeTimer =
  | { readonly type: 'session.connect' }
  | { readonly type: 'session.timeout' }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'resync' }
  | { readonly type: 'status.flush' }
  | { readonly type: 'status.resend' }
  | { readonly type: 'statistics' }
  /** The registry has answered the pull of an image. */
  | { readonly type: 'pull.resolved'; readonly image: string }
  /** The next layer is complete. */
  | { readonly type: 'pull.layer' }
  /** A task's containers have been created. */
  | { readonly type: 'created'; readonly task: string }
  /** Containers by row: the process runs or ends by itself; a stop proceeds; demand has to be asked for; a probe's answer. */
  | { readonly type: 'container.life'; readonly row: number }
  | { readonly type: 'container.stop'; readonly row: number }
  | { readonly type: 'container.demand'; readonly row: number }
  | { readonly type: 'container.probe'; readonly row: number };

/** The kernel hands timers back as it got them; only this party arms its own. */
export const asNodeTimer = (event: TimerEvent): NodeTimer => event as NodeTimer;
