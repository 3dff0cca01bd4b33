/** Compose files as text → a stack. What they refer to (extends, env_file, include) is taken from the same set of files. */
import type { LoadedStack, LoadStackRequest } from '@paperfleet/scheduler';
import { loadCompose } from '../compose/load.ts';

/** @param readFile – further files; absent for what comes over the network: it must not read this machine's disk. */
export function loadRequestedStack(request: LoadStackRequest, readFile?: (path: string) => string | undefined): LoadedStack {
  const texts = new Map(request.files.map(({ path, text }) => [path, text]));
  return loadCompose({
    files: request.files,
    env: request.env ?? {},
    profiles: request.profiles ?? [],
    projectName: request.name ?? '',
    readFile: (path) => texts.get(path) ?? readFile?.(path),
  });
}
