/** Help and deploy, as native modal dialogs. */
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Diagnostic } from '@paperfleet/core';
import type { DeployFile } from '../core/index.ts';
import { ApiFailure } from '../core/index.ts';
import { useApp } from './app.ts';

function Dialog({
  title,
  onClose,
  children,
  testId,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly testId: string;
}): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      data-testid={testId}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog-body">
        <header>
          <h2>{title}</h2>
          <button type="button" class="icon" aria-label="Close" onClick={onClose}>
            ×
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

const KEYS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'Time',
    [
      ['Space  .', 'pause, play'],
      [']', 'step to the next event'],
      ['Shift ]', 'step one window'],
      [',  ;', 'slower, faster'],
      ['1', 'real time'],
    ],
  ],
  [
    'Go',
    [
      ['g m', 'map'],
      ['g s', 'services'],
      ['g n', 'nodes'],
      ['g e', 'events'],
      ['/', 'search'],
      ['Esc', 'close, clear'],
    ],
  ],
  [
    'Selection',
    [
      ['Arrows', 'move in the map'],
      ['Enter', 'select, why'],
      ['k k', 'kill the node'],
      ['d d', 'drain the node'],
      ['+  −', 'scale the service'],
    ],
  ],
  [
    'View',
    [
      ['t', 'light, dark'],
      ['p', 'projector'],
      ['?', 'this help'],
    ],
  ],
];

export function HelpDialog(): VNode {
  const app = useApp();
  return (
    <Dialog title="Help" testId="help-dialog" onClose={() => (app.help.value = false)}>
      <p>
        Each tile is a node; its frame and cells are what <b>really</b> is, the words at its top right what the <b>manager believes</b>. A
        running task shows the colour and pattern of its service and fills with the CPU it uses. Anything else shows a glyph; the legend
        names them. Select anything to see why it is so.
      </p>
      <div class="keys">
        {KEYS.map(([group, keys]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>
                    {key.split('  ').map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={app.shortcuts.value}
          data-testid="shortcuts"
          onChange={(event) => app.setShortcuts(event.currentTarget.checked)}
        />
        Single-key shortcuts
      </label>
      <p class="muted">
        Search: words match names; <code>svc:web</code> <code>node:n3</code> <code>state:oom</code> <code>zone:a</code>{' '}
        <code>img:nginx</code> narrow one field.
      </p>
    </Dialog>
  );
}

const EXAMPLE = `services:
  web:
    image: nginx:1.27
    ports: ["8080:80"]
    deploy:
      replicas: 6
      resources:
        limits: { cpus: "0.5", memory: 256M }
        reservations: { cpus: "0.25", memory: 128M }
`;
const NAME = /^[a-z0-9][a-z0-9_-]*$/;

export function DeployDialog(): VNode {
  const app = useApp();
  const [name, setName] = useState('demo');
  const [files, setFiles] = useState<readonly DeployFile[]>([{ path: 'compose.yaml', text: '' }]);
  const [failure, setFailure] = useState<ApiFailure | Error>();
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const close = (): void => {
    app.deploying.value = false;
  };
  const take = async (list: FileList | null | undefined): Promise<void> => {
    const given = await Promise.all([...(list ?? [])].map(async (file) => ({ path: file.name, text: await file.text() })));
    if (given.length === 0) return;
    setFiles([...files.filter((file) => file.text.trim() !== '' && !given.some(({ path }) => path === file.path)), ...given]);
    setFailure(undefined);
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      await app.api.deploy(
        name,
        files.filter((file) => file.text.trim() !== ''),
      );
      app.toast('info', `Stack ${name} deployed`);
      close();
    } catch (error) {
      setFailure(error instanceof Error ? error : new Error(String(error)));
    } finally {
      setBusy(false);
    }
  };
  const empty = files.every((file) => file.text.trim() === '');
  return (
    <Dialog title="Deploy a Compose file" testId="deploy-dialog" onClose={close}>
      <form
        class={`deploy ${over ? 'over' : ''}`}
        onSubmit={(event) => void submit(event)}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void take(event.dataTransfer?.files);
        }}
      >
        <div class="row">
          <Choices
            name={name}
            onName={setName}
            onFiles={(list) => void take(list)}
            onExample={() => setFiles([{ path: 'compose.yaml', text: EXAMPLE }])}
          />
        </div>
        <Files files={files} onChange={setFiles} />
        {failure !== undefined && <Failure failure={failure} />}
        <footer>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" data-testid="deploy-submit" disabled={busy || empty || !NAME.test(name)}>
            {busy ? 'Deploying…' : 'Deploy'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function Failure({ failure }: { readonly failure: Error }): VNode {
  const details = failure instanceof ApiFailure ? failure.details : [];
  if (details.length > 0) return <Places places={details} />;
  return (
    <div class="failure" role="alert">
      <b>{failure.message}</b>
      {failure instanceof ApiFailure && failure.path !== undefined && <span class="mono">{failure.path}</span>}
      {failure instanceof ApiFailure && failure.hint !== undefined && <span>{failure.hint}</span>}
    </div>
  );
}

/** What is wrong with the files: where, what, and what to do. A press goes to the line. */
function Places({ places }: { readonly places: readonly Diagnostic[] }): VNode {
  return (
    <div class="failure" role="alert">
      <b>{places.length === 1 ? 'One thing is wrong' : `${places.length} things are wrong`}; nothing was deployed.</b>
      <ol>
        {places.map((place, i) => (
          <li key={i}>
            {place.line === undefined ? (
              <span class="mono">{place.file}</span>
            ) : (
              <button type="button" class="link mono" onClick={() => showPlace(place)}>
                {place.file}:{place.line}
              </button>
            )}
            <span>
              {(place.path ?? '') !== '' && <code>{place.path}</code>} {place.message}
              {(place.hint ?? '') !== '' && <small>{place.hint}</small>}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Selects the line of a place in its text field, which scrolls to it. */
function showPlace({ file, line = 1 }: Diagnostic): void {
  const field = [...document.querySelectorAll<HTMLTextAreaElement>('textarea[data-file]')].find(({ dataset }) => dataset['file'] === file);
  if (field === undefined) return;
  const lines = field.value.split('\n');
  const from = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  field.focus();
  field.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  field.scrollTop = (field.scrollHeight / Math.max(1, lines.length)) * Math.max(0, line - 4);
}

function Files({
  files,
  onChange,
}: {
  readonly files: readonly DeployFile[];
  readonly onChange: (files: readonly DeployFile[]) => void;
}): VNode {
  return (
    <>
      {files.map((file, i) => (
        <label key={file.path} class="file">
          <span class="muted">{file.path}</span>
          <textarea
            rows={files.length > 1 ? 7 : 14}
            spellcheck={false}
            placeholder="Paste a Compose file, or drop files here. Several are merged in order."
            data-testid={`deploy-text-${i}`}
            data-file={file.path}
            value={file.text}
            onInput={(event) =>
              onChange(files.map((other, k) => (k === i ? { path: other.path, text: event.currentTarget.value } : other)))
            }
          />
        </label>
      ))}
    </>
  );
}

function Choices({
  name,
  onName,
  onFiles,
  onExample,
}: {
  readonly name: string;
  readonly onName: (name: string) => void;
  readonly onFiles: (files: FileList | null) => void;
  readonly onExample: () => void;
}): VNode {
  return (
    <>
      <label>
        Stack name
        <input
          type="text"
          value={name}
          required
          data-testid="deploy-name"
          aria-invalid={!NAME.test(name)}
          onInput={(event) => onName(event.currentTarget.value)}
        />
      </label>
      <label class="button">
        Choose files…
        <input
          type="file"
          class="hidden"
          multiple
          accept=".yml,.yaml,.env,.json"
          data-testid="deploy-files"
          onChange={(event) => onFiles(event.currentTarget.files)}
        />
      </label>
      <button type="button" class="button quiet" onClick={onExample}>
        Use an example
      </button>
    </>
  );
}
