/** Readers for the value forms that many keys of a service share. */
import type { ComposeDependency, ComposeEnvFile, ComposeFileReference, ComposeHealthcheck, ComposeRestart, KeyValues } from './model.ts';
import {
  anything,
  below,
  boolean,
  duration,
  either,
  integer,
  kindOf,
  list,
  mapOf,
  oneOf,
  scalarText,
  shape,
  string,
  wrong,
  type Reader,
} from './reader.ts';
import { shellWords } from './words.ts';

/** A map, or a list of KEY=VALUE; a key without a value is null. */
export const keyValues: Reader<KeyValues> = either<KeyValues>({
  map: mapOf<string | null>((node, at) =>
    node.kind === 'scalar'
      ? node.value === null
        ? null
        : scalarText(node)
      : wrong(node, at, `must be a string, a number, a boolean or empty, not ${kindOf(node)}`),
  ),
  list: (node, at) => {
    const values = new Map<string, string | null>();
    if (node.kind !== 'list') return values;
    for (const [index, item] of node.items.entries()) {
      const entry =
        item.kind === 'map'
          ? wrong(item, below(at, index, item.place), 'must be KEY=VALUE, not a map', 'leave out the dashes to write KEY: VALUE')
          : string(item, below(at, index, item.place));
      if (entry === undefined) continue;
      const equals = entry.indexOf('=');
      values.set(equals < 0 ? entry : entry.slice(0, equals), equals < 0 ? null : entry.slice(equals + 1));
    }
    return values;
  },
});

/** A command line as a string (split into words) or as a list of words. */
export const command: Reader<readonly string[]> = either<readonly string[]>({
  scalar: (node, at) => {
    const text = string(node, at);
    if (text === undefined) return undefined;
    const words = shellWords(text);
    return words.ok ? words.value : wrong(node, at, words.message, words.hint);
  },
  list: list(string),
});

/** Docker's form: ['NONE'], ['CMD', …] or ['CMD-SHELL', …]; [] takes the image's own check. */
const test: Reader<readonly string[]> = either<readonly string[]>({
  scalar: (node, at) => {
    const text = string(node, at);
    return text === undefined ? undefined : text === 'NONE' ? ['NONE'] : text.trim() === '' ? [] : ['CMD-SHELL', text];
  },
  list: (node, at) => {
    const words = list(string)(node, at);
    if (words?.[0] === undefined || ['NONE', 'CMD', 'CMD-SHELL'].includes(words[0])) return words;
    return wrong(
      node,
      at,
      `the first item must be NONE, CMD or CMD-SHELL, not '${words[0]}'`,
      'write ["CMD", …], or one string for a shell command',
    );
  },
});

export const healthcheck: Reader<ComposeHealthcheck> = (node, at) => {
  const read = shape<ComposeHealthcheck>({
    test: ['test', test],
    disable: ['disable', boolean],
    interval: ['interval', duration],
    timeout: ['timeout', duration],
    retries: ['retries', integer(0)],
    startPeriod: ['start_period', duration],
    startInterval: ['start_interval', duration],
  })(node, at);
  if (read?.disable === true && (read.test?.length ?? 0) > 0 && read.test?.[0] !== 'NONE')
    return wrong(node, at, "'test' and 'disable: true' contradict each other", 'remove one of them');
  return read;
};

const CONDITIONS = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;

interface Dependency {
  readonly condition?: ComposeDependency['condition'];
  readonly required?: boolean;
  readonly restart?: boolean;
}

const dependency: Reader<ComposeDependency> = (node, at) => {
  const read = shape<Dependency>({
    condition: ['condition', oneOf(CONDITIONS)],
    required: ['required', boolean],
    restart: ['restart', boolean],
  })(node, at);
  return (
    read && {
      condition: read.condition ?? 'service_started',
      required: read.required ?? true,
      restart: read.restart ?? false,
      place: at.key,
    }
  );
};

export const dependsOn: Reader<ReadonlyMap<string, ComposeDependency>> = either<ReadonlyMap<string, ComposeDependency>>({
  map: mapOf(dependency),
  list: (node, at) => {
    const result = new Map<string, ComposeDependency>();
    if (node.kind !== 'list') return result;
    for (const [index, item] of node.items.entries()) {
      const name = string(item, below(at, index, item.place));
      if (name !== undefined) result.set(name, { condition: 'service_started', required: true, restart: false, place: item.place });
    }
    return result;
  },
});

type Attachments = ReadonlyMap<string, { readonly aliases?: readonly string[] }>;

const attachment: Reader<{ readonly aliases?: readonly string[] }> = (node, at) =>
  node.kind === 'scalar' && node.value === null
    ? {}
    : shape<{ readonly aliases?: readonly string[] }>(
        { aliases: ['aliases', list(string)] },
        {
          ignored: {
            interface_name: string,
            ipv4_address: string,
            ipv6_address: string,
            link_local_ips: list(string),
            mac_address: string,
            driver_opts: anything,
            priority: anything,
            gw_priority: anything,
          },
        },
      )(node, at);

export const networks: Reader<Attachments> = either<Attachments>({
  map: mapOf(attachment),
  list: (node, at) => new Map((list(string)(node, at) ?? []).map((name) => [name, {}])),
});

interface EnvFile {
  readonly path?: string;
  readonly required?: boolean;
  readonly format?: string;
}

const envFile: Reader<ComposeEnvFile> = either<ComposeEnvFile>({
  scalar: (node, at) => {
    const path = string(node, at);
    return path === undefined ? undefined : { path, required: true, raw: false, place: node.place };
  },
  map: (node, at) => {
    const read = shape<EnvFile>(
      { path: ['path', string], required: ['required', boolean], format: ['format', oneOf(['raw'])] },
      { required: ['path'] },
    )(node, at);
    return read?.path === undefined
      ? undefined
      : { path: read.path, required: read.required ?? true, raw: read.format === 'raw', place: node.place };
  },
});

export const envFiles: Reader<readonly ComposeEnvFile[]> = either<readonly ComposeEnvFile[]>({
  scalar: (node, at) => {
    const file = envFile(node, at);
    return file && [file];
  },
  list: list(envFile),
});

interface FileReference {
  readonly source?: string;
}

/** `secrets:` or `configs:` of a service: a name, or a map with a source. */
export const fileReferences: Reader<readonly ComposeFileReference[]> = list(
  either<ComposeFileReference>({
    scalar: (node, at) => {
      const source = string(node, at);
      return source === undefined ? undefined : { source, place: node.place };
    },
    map: (node, at) => {
      const ignored = { target: string, uid: anything, gid: anything, mode: anything };
      const read = shape<FileReference>({ source: ['source', string] }, { ignored, required: ['source'] })(node, at);
      return read?.source === undefined ? undefined : { source: read.source, place: node.place };
    },
  }),
);

/** `restart:` no, always, unless-stopped, on-failure or on-failure:N. */
export const restart: Reader<ComposeRestart> = (node, at) => {
  if (node.kind === 'scalar' && node.value === false) return { condition: 'none', maxAttempts: 0 };
  const text = string(node, at);
  if (text === undefined) return undefined;
  const attempts = /^on-failure:(\d{1,9})$/.exec(text);
  if (attempts !== null) return { condition: 'on-failure', maxAttempts: Number(attempts[1]) };
  switch (text) {
    case 'no':
      return { condition: 'none', maxAttempts: 0 };
    case 'always':
    case 'unless-stopped':
      return { condition: 'any', maxAttempts: 0 };
    case 'on-failure':
      return { condition: 'on-failure', maxAttempts: 0 };
    default:
      return wrong(node, at, `'${text}' is no restart policy`, 'one of no, always, unless-stopped, on-failure, on-failure:3');
  }
};
