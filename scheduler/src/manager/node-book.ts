/** Writes node records, each change with its event. */
import type { Explain } from '@paperfleet/core';
import type { NodeRecord } from '../store/records.ts';
import type { Causes } from './causes.ts';
import type { Deps } from './deps.ts';
import type { NewEvent } from './event-log.ts';

export interface NodeNews {
  readonly kind: string;
  readonly severity: NewEvent['severity'];
  readonly cause: number;
  readonly explain: Explain;
}

export class NodeBook {
  readonly #deps: Deps;
  readonly #causes: Causes;

  constructor(deps: Deps, causes: Causes) {
    this.#deps = deps;
    this.#causes = causes;
  }

  /** Leaves the event and makes it the node's newest cause, then changes the node. Returns the event's id. */
  change(node: NodeRecord, news: NodeNews, write: (record: NodeRecord) => void): number {
    const event = this.note(node, news);
    this.#deps.store.commit((tx) => {
      write(tx.writeNode(node));
    });
    return event;
  }

  /** Leaves an event about a node that its tasks feel. */
  note(node: NodeRecord, news: NodeNews): number {
    const event = this.#deps.events.add({
      kind: news.kind,
      severity: news.severity,
      cause: news.cause,
      node: node.name,
      explain: news.explain,
    });
    this.#causes.noteNode(node.id, event);
    return event;
  }
}
