/** Full names of what a stack holds, as `docker stack deploy` makes them. */

/** Docker's labels for what belongs to a stack. */
export const STACK_LABEL = 'com.docker.stack.namespace';
export const STACK_IMAGE_LABEL = 'com.docker.stack.image';

/** `stack_name`; the name alone for a stack without a name. */
export const scoped = (stack: string, name: string): string => (stack === '' ? name : `${stack}_${name}`);

/** Swarm's rule for service names (SwarmKit control API), at most 63 characters. */
export const SERVICE_NAME: RegExp = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
export const MAX_SERVICE_NAME = 63;

/** A folder's name as a project's name: lower case, only letters, digits, - and _, beginning with a letter or digit. */
export function projectNameOf(folder: string): string {
  const last =
    folder
      .replaceAll('\\', '/')
      .split('/')
      .findLast((step) => step !== '' && step !== '.' && step !== '..') ?? '';
  return last
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}

/** What a project may be called. */
export const PROJECT_NAME: RegExp = /^[a-z0-9][a-z0-9_-]*$/;
