/** The version of this program, from the workspace's package.json: the same beside sources and beside the build. */
import { readFileSync } from 'node:fs';

interface PackageJson {
  readonly version: string;
}

export const VERSION: string = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as PackageJson).version;
