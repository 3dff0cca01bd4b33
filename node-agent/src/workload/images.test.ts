import { describe, expect, test } from 'vitest';
import { BASE_LAYERS, CATALOGUE, entryOfImage } from './catalogue.ts';
import { parseImage } from './image-reference.ts';
import { imageFacts } from './images.ts';

describe('image names', () => {
  test.each([
    ['nginx', 'docker.io', 'library/nginx', 'nginx', 'latest', ''],
    ['nginx:1.27-alpine', 'docker.io', 'library/nginx', 'nginx', '1.27-alpine', ''],
    ['bitnami/redis', 'docker.io', 'bitnami/redis', 'redis', 'latest', ''],
    ['localhost:5000/team/app:2', 'localhost:5000', 'team/app', 'app', '2', ''],
    ['ghcr.io/a/b@sha256:12', 'ghcr.io', 'a/b', 'b', '', 'sha256:12'],
    ['postgres:16@sha256:ab', 'docker.io', 'library/postgres', 'postgres', '16', 'sha256:ab'],
  ])('%s', (image, registry, repository, name, tag, digest) => {
    expect(parseImage(image)).toMatchObject({ registry, repository, name, tag, digest });
  });

  test('two spellings of one image have one canonical name, which is its own', () => {
    const { canonical } = parseImage('nginx');
    expect(canonical).toBe('docker.io/library/nginx:latest');
    expect(parseImage('docker.io/library/nginx:latest').canonical).toBe(canonical);
    expect(imageFacts(canonical)).toEqual(imageFacts('nginx'));
  });
});

describe('image facts', () => {
  test('images on one base share its layers and nothing else', () => {
    const ids = (image: string): string[] => imageFacts(image).layers.map((layer) => layer.id);
    const shared = ids('redis:alpine').filter((id) => ids('nginx:alpine').includes(id));
    expect(shared).toEqual(['alpine@0']);
    expect(ids('node').filter((id) => ids('python').includes(id))).toHaveLength(BASE_LAYERS['buildpack']!.length);
  });

  test('equal layer ids have equal sizes over the whole catalogue', () => {
    const sizes = new Map<string, number>();
    const images = CATALOGUE.flatMap(({ name }) => [name, `${name}:alpine`, `${name}:slim`]);
    for (const { id, bytes } of images.flatMap((image) => imageFacts(image).layers)) {
      expect([id, sizes.get(id) ?? bytes]).toEqual([id, bytes]);
      sizes.set(id, bytes);
    }
    expect(sizes.size).toBeGreaterThan(CATALOGUE.length);
  });

  test('an unknown image has a size of its own that never changes', () => {
    const sizes = ['team/shop:1', 'team/shop:2', 'other/api', 'x', 'y', 'z'].map((image) => imageFacts(image).bytes);
    expect(new Set(sizes).size).toBe(sizes.length);
    expect(Math.min(...sizes)).toBeGreaterThan(15e6);
    expect(Math.max(...sizes)).toBeLessThan(320e6);
    expect(imageFacts('team/shop:1').bytes).toBe(sizes[0]);
  });

  test.each(['app:missing', 'nowhere/app', 'nowhere.example.com/app:1'])('%s cannot be had', (image) => {
    expect(imageFacts(image).available).toBe(false);
  });
});

describe('the catalogue', () => {
  test('a name or alias stands for one entry', () => {
    const names = CATALOGUE.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test.each([
    ['nginx', 'nginx'],
    ['postgresql', 'postgres'],
    ['redis-cluster', 'redis'],
    ['spring-petclinic', 'java'],
    ['my_mysql.8', 'mysql'],
    ['examplevotingapp_vote', undefined],
    ['docker-app', undefined],
  ])('image %s behaves as %s', (image, entry) => {
    expect(entryOfImage(image)?.name).toBe(entry);
  });
});
