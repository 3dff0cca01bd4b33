/** Compose files as text → a stack. What they refer to (extends, env_file, include) is taken from the same set of files. */
import type { LoadedStack, LoadStackRequest } from '@paperfleet/scheduler';
import { loadCompose } from '../compose/load.ts';
import { checkWorkload } from '../compose/read-stack.ts';

/** What comes over the network never reads this machine's disk. */
export function loadRequestedStack(request: LoadStackRequest): LoadedStack {
  const texts = new Map(request.files.map(({ path, text }) => [path, text]));
  return loadCompose({
    files: request.files,
    env: request.env ?? {},
    profiles: request.profiles ?? [],
    projectName: request.name ?? '',
    readFile: (path) => texts.get(path),
    checkWorkload,
  });
}
