/** Object ids as SwarmKit makes them (identity/randomid.go): 17 random bytes, base 36, 25 characters. */
import type { Rng } from '@paperfleet/core';

const ID_LENGTH = 25;

/**
 * A new id: 136 random bits with the top bit set, written in base 36, without the first character. The top bit makes
 * the text 27 characters long at all times, so that the 25 kept ones are never padded.
 */
export function newId(rng: Rng): string {
  const top = BigInt((rng.u32() & 0xff) | 0x80);
  const high = (BigInt(rng.u32()) << 32n) | BigInt(rng.u32());
  const low = (BigInt(rng.u32()) << 32n) | BigInt(rng.u32());
  return ((top << 128n) | (high << 64n) | low).toString(36).slice(1, 1 + ID_LENGTH);
}
