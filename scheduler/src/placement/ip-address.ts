/**
 * IP addresses and networks in the textual forms that Go's net.ParseIP and net.ParseCIDR take, as SwarmKit's `node.ip`
 * constraint needs them. An address is 16 bytes; IPv4 is held as ::ffff:a.b.c.d, so both spellings are equal.
 */
export type IpAddress = readonly number[];

export interface IpNetwork {
  readonly address: IpAddress;
  /** Leading bits that count, of 128. */
  readonly bits: number;
}

const V4_PREFIX: IpAddress = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

function parseV4(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const out: number[] = [];
  for (const part of parts) {
    // No leading zeros: Go refuses them because other tools read them as octal.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    out.push(Number(part));
  }
  return out;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      out.push(...v4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      const group = Number.parseInt(part, 16);
      out.push(group >> 8, group & 0xff);
    }
  }
  return out;
}

/** An address, or undefined when the text is none. Zones (`fe80::1%eth0`) are not addresses here. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const v4 = parseV4(text);
    return v4 === undefined ? undefined : [...V4_PREFIX, ...v4];
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '');
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  if (halves.length === 2 && (halves[0] ?? '').includes('.')) return undefined;
  const missing = 16 - head.length - tail.length;
  // `::` stands for at least one group of zeros; without it all eight groups must be there.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** A network in CIDR notation, or undefined. */
export function parseCidr(text: string): IpNetwork | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const mask = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,7}$/.test(mask)) return undefined;
  const isV4 = !text.slice(0, slash).includes(':');
  const bits = Number(mask);
  if (bits > (isV4 ? 32 : 128)) return undefined;
  return { address, bits: isV4 ? bits + 96 : bits };
}

/** True when the address is v4, in either spelling. */
const isV4 = (address: IpAddress): boolean => V4_PREFIX.every((byte, i) => address[i] === byte);

export const ipEqual = (a: IpAddress, b: IpAddress): boolean => a.every((byte, i) => b[i] === byte);

/** True when the network covers the address. A v6 network shorter than ::ffff:0:0/96 covers no v4 address, as in Go. */
export function networkContains(network: IpNetwork, address: IpAddress): boolean {
  if (isV4(address) && network.bits < 96) return false;
  for (let i = 0; i < 16; i++) {
    const kept = Math.min(8, Math.max(0, network.bits - 8 * i));
    const mask = (0xff << (8 - kept)) & 0xff;
    if (((network.address[i] ?? 0) & mask) !== ((address[i] ?? 0) & mask)) return false;
  }
  return true;
}
