/** Paths as text, without a file system: '/' separates, '\\' of Windows is read as '/'. */

const isAbsolute = (path: string): boolean => path.startsWith('/') || /^[a-z]:\//i.test(path);

/** The folder part of a path; '.' when it has none. */
export function folderOf(path: string): string {
  const at = path.replaceAll('\\', '/').lastIndexOf('/');
  return at < 0 ? '.' : at === 0 ? '/' : path.slice(0, at);
}

/** A path seen from a folder, with '.' and '..' resolved. */
export function joinPath(folder: string, path: string): string {
  const clean = path.replaceAll('\\', '/');
  const whole = isAbsolute(clean) || folder === '.' || folder === '' ? clean : `${folder.replaceAll('\\', '/')}/${clean}`;
  const steps: string[] = [];
  for (const step of whole.split('/')) {
    if (step === '..' && steps.length > 0 && steps.at(-1) !== '..' && steps.at(-1) !== '') steps.pop();
    else if (step !== '.' && (step !== '' || steps.length === 0)) steps.push(step);
  }
  return steps.length === 0 ? '.' : steps.length === 1 && steps[0] === '' ? '/' : steps.join('/');
}
