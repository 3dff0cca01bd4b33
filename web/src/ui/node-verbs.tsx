/** What one can do to a node: to its reality (faults) and to its availability (commands). Only what makes sense now is offered. */
import type { VNode } from 'preact';
import type { NodeView } from '@paperfleet/core';
import { healNode, killNode, partitionNode, recoverNode, setAvailability } from './actions.ts';
import { useApp } from './app.ts';
import { ConfirmButton } from './parts.tsx';

export function NodeVerbs({ node }: { readonly node: NodeView }): VNode | null {
  const app = useApp();
  if (app.store.role === 'viewer') return null;
  const { name } = node;
  return (
    <div class="verbs">
      {node.truth === 'up' && (
        <ConfirmButton
          label="Kill"
          again="Press again to kill"
          testId={`kill-${name}`}
          title="Cut its power (k)"
          onConfirm={() => void killNode(app, name)}
        />
      )}
      {node.truth === 'crashed' && (
        <button type="button" class="button" data-testid={`recover-${name}`} onClick={() => void recoverNode(app, name)}>
          Recover
        </button>
      )}
      {node.availability !== 'drain' && (
        <ConfirmButton
          label="Drain"
          again="Press again to drain"
          testId={`drain-${name}`}
          title="Move its tasks elsewhere (d)"
          onConfirm={() => void setAvailability(app, name, 'drain')}
        />
      )}
      {node.availability === 'active' && (
        <button
          type="button"
          class="button"
          data-testid={`pause-${name}`}
          title="No new tasks; those it has stay"
          onClick={() => void setAvailability(app, name, 'pause')}
        >
          Pause
        </button>
      )}
      {node.availability !== 'active' && (
        <button type="button" class="button" data-testid={`activate-${name}`} onClick={() => void setAvailability(app, name, 'active')}>
          Activate
        </button>
      )}
      {node.truth === 'up' && (
        <ConfirmButton
          label="Cut off"
          again="Press again to cut off"
          testId={`partition-${name}`}
          title="Partition: it runs on, but no message passes"
          onConfirm={() => void partitionNode(app, name)}
        />
      )}
      {node.truth === 'partitioned' && (
        <button type="button" class="button" data-testid={`heal-${name}`} onClick={() => void healNode(app, name)}>
          Heal
        </button>
      )}
    </div>
  );
}
